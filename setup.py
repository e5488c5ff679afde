"""The addresses of the project, which are known in one place; all else is in pyproject.toml."""

from runpy import run_path

from setuptools import setup

URL = run_path("exporter/__init__.py")["PROJECT_URL"]
PAGES = {
    "Source": "",
    "Documentation": "/blob/main/docs/README.md",
    "Changelog": "/blob/main/CHANGELOG.md",
    "Issues": "/issues",
}

setup(project_urls={name: f"{URL}{path}" for name, path in PAGES.items()} if URL else {})
