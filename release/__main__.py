"""`make dist`: writes a release to dist/, or says in one line why there is none."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from exporter import __version__
from release import image
from release.changelog import section
from release.dist import make
from release.errors import ReleaseError

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Exit code 1 where there is no release."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / "dist", help="where to write; empty (default: dist)")
    parser.add_argument("--tag", help="the tag that is released, which must be v and the version")
    parser.add_argument(
        "--no-image", action="store_true", help="leave the image out, as where it is built for several platforms"
    )
    parser.add_argument("--notes", action="store_true", help="print what the changelog says of the version, no more")
    given = parser.parse_args()
    try:
        if given.notes:
            print(_notes())
            return 0
        if given.tag is not None:
            _check_tag(given.tag)
        engine = None if given.no_image else image.engine()
        lines = make(ROOT, given.directory, base=os.environ.get("BASE_IMAGE"), engine=engine)
    except ReleaseError as problem:
        print(f"no release: {problem}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


def _check_tag(tag: str) -> None:
    if tag != f"v{__version__}":
        raise ReleaseError(f"the tag is {tag}, and exporter/__init__.py has version {__version__}")
    _notes()


def _notes() -> str:
    text = section((ROOT / "CHANGELOG.md").read_text(), __version__)
    if text is None:
        raise ReleaseError(f"CHANGELOG.md has no section {__version__} with a date")
    return text


if __name__ == "__main__":
    sys.exit(main())
