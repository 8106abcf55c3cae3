"""What the conformance kit has to know of the counter: the template as a person fills it in, and as a program does."""

from __future__ import annotations

from tests.adapters.counter.paper import LETTER, as_csv, as_excel_saves, as_workbook
from tests.contract.channels import Conformance

CONFORMANCE = Conformance(
    config={"zone": "Asia/Shanghai"},
    samples={
        "letter.xlsx": as_workbook(LETTER),
        "letter-saved-by-excel.xlsx": as_excel_saves(as_workbook(LETTER)),
        "letter.csv": as_csv(LETTER),
        "letter-gb18030.csv": as_csv(LETTER, encoding="gb18030"),
    },
)
