"""`python -m tests.golden` writes the golden files anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.golden.scenarios import FILES, SCENARIOS, outputs

for scenario in SCENARIOS:
    with tempfile.TemporaryDirectory() as directory:
        for file, content in outputs(scenario, Path(directory)).items():
            path = FILES / scenario / file
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
