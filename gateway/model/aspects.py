"""What a grading records of a case beside kind, nature, level and flags: its topic, its customer, its extent.

The Chinese terms are in docs/reference/glossary.md.
"""

from __future__ import annotations

from enum import StrEnum


class Topic(StrEnum):
    """事项 (A006)."""

    ATTITUDE = "attitude"
    TRANSACTION = "transaction"
    PRODUCT = "product"
    SYSTEM = "system"
    OTHER = "other"


class Emotion(StrEnum):
    """情绪 (A013): how the customer is to be spoken to."""

    CALM = "calm"
    DISSATISFIED = "dissatisfied"
    ANXIOUS = "anxious"
    DOUBTFUL = "doubtful"
    INSISTENT = "insistent"
    AGITATED = "agitated"


class ContentClass(StrEnum):
    """内容 (A048)."""

    ATTITUDE = "attitude"
    PROCEDURE = "procedure"
    PRODUCT_USE = "product_use"
    INFORMATION = "information"
    EFFICIENCY = "efficiency"
    PRODUCT_RISK = "product_risk"
    CUSTOMER_RIGHTS = "customer_rights"


class Scope(StrEnum):
    """范围 (A048): how many customers it touches."""

    SINGLE = "single"
    BATCH = "batch"
    SYSTEMIC = "systemic"


class Horizon(StrEnum):
    """时间 (A048): how soon it can be settled."""

    IMMEDIATE = "immediate"
    NEXT_DAY = "next_day"
    LONG_TERM = "long_term"


class Difficulty(StrEnum):
    """难度 (A048)."""

    SIMPLE = "simple"
    COMPLEX = "complex"
    SPECIAL = "special"
