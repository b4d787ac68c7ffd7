"""The schema of competition.yaml: every key that the platform reads, and the values it takes.

What a bundle ships, which files have to be there, which values the server refuses and which keys
nobody reads all follow from this table.

Source: codalab/codabench competitions/unpackers/{base_unpacker,v2}.py, api/serializers/, and the
models of competitions, tasks and leaderboards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kit.server_fields import LARGEST, Field, FileKind, Type


@dataclass(frozen=True)
class Section:
    """A list of mappings in competition.yaml, or its top level.

    `kept` are the keys that are read of an entry with a `key`: the platform has the rest.
    """

    fields: Mapping[str, Field]
    kept: frozenset[str] = frozenset()

    @property
    def keys(self) -> frozenset[str]:
        """The keys that the platform reads."""
        return frozenset(self.fields)

    @property
    def files(self) -> dict[str, FileKind]:
        """The keys that name a file, and what the file is for."""
        return {key: field.file for key, field in self.fields.items() if field.file}

    def read_of(self, entry: Mapping[str, object]) -> dict[str, Field]:
        """Return the fields that the platform reads of an entry."""
        reused = bool(self.kept) and "key" in entry
        return {key: f for key, f in self.fields.items() if not reused or key in self.kept}


def _text(most: int, missing: str = "required-missing") -> Field:
    return Field(Type.TEXT, needed=True, most=most, missing=missing)


def _file(kind: FileKind, needed: bool = False, missing: str = "required-missing") -> Field:
    return Field(Type.FILE, needed=needed, file=kind, missing=missing)


def _list(*, needed: bool = True, blank: bool = False) -> Field:
    return Field(
        Type.LIST, needed=needed, blank=blank, emptied=not needed, code="section-malformed"
    )


_DESCRIPTION = Field(Type.TEXT, null=True, blank=True)
_FLAG = Field(Type.FLAG)
_INDEX = Field(Type.OTHER, null=True)  # pages and leaderboards are counted as they stand
_RULES = (
    "Add", "Add_And_Delete", "Add_And_Delete_Multiple", "Force_Last", "Force_Latest_Multiple",
    "Force_Best",
)  # fmt: skip
COMPUTATIONS = ("avg", "sum", "min", "max")

TOP = ""
SECTIONS: dict[str, Section] = {
    TOP: Section({
        "version": Field(Type.OTHER, null=True),
        "title": _text(256),
        "image": _file(FileKind.IMAGE, needed=True),
        "terms": _file(FileKind.PAGE, needed=True),
        "pages": _list(blank=True),
        "tasks": _list(blank=True),
        "solutions": _list(needed=False),
        "phases": _list(),
        "leaderboards": _list(),
        "fact_sheet": Field(Type.OTHER, null=True),
        "registration_auto_approve": _FLAG,
        "docker_image": Field(Type.TEXT, most=128),
        "make_programs_available": _FLAG,
        "make_input_data_available": _FLAG,
        "queue": Field(Type.UUID, emptied=True),
        "description": _DESCRIPTION,
        "enable_detailed_results": _FLAG,
        "show_detailed_results_in_submission_panel": _FLAG,
        "show_detailed_results_in_leaderboard": _FLAG,
        "auto_run_submissions": _FLAG,
        "can_participants_make_submissions_public": _FLAG,
        "competition_type": Field(Type.CHOICE, choices=("competition", "benchmark")),
        "reward": Field(Type.TEXT, null=True, blank=True, most=256),
        "contact_email": Field(Type.EMAIL, null=True, blank=True, most=256),
        "forum_enabled": _FLAG,
    }),
    "pages": Section({
        "title": _text(255),
        "file": _file(FileKind.PAGE, needed=True, missing="path-missing"),
        "index": _INDEX,
    }),
    "tasks": Section(
        {
            "index": Field(Type.OTHER, needed=True, null=True, missing="task-index"),
            "key": Field(Type.UUID, code="platform-key"),
            "name": _text(256),
            "description": _DESCRIPTION,
            "ingestion_only_during_scoring": _FLAG,
            "ingestion_program": _file(FileKind.PROGRAM),
            "scoring_program": _file(FileKind.PROGRAM, needed=True, missing="scoring-missing"),
            "input_data": _file(FileKind.DATA),
            "reference_data": _file(FileKind.DATA),
        },
        kept=frozenset(("index", "key")),
    ),
    "solutions": Section(
        {
            "index": Field(Type.OTHER, needed=True, null=True, missing="solution-index"),
            "key": Field(Type.UUID, code="platform-key"),
            "name": Field(Type.TEXT, emptied=True, most=256),
            "description": _DESCRIPTION,
            "tasks": Field(Type.OTHER, needed=True, missing="solution-tasks"),
            "path": _file(FileKind.DOWNLOAD, needed=True, missing="path-missing"),
        },
        kept=frozenset(("index", "key", "tasks")),
    ),
    "phases": Section({
        "index": Field(Type.OTHER, null=True),
        "name": _text(256),
        "description": _DESCRIPTION,
        "start": Field(Type.DATE, needed=True, code="date-malformed"),
        "end": Field(Type.DATE, null=True, code="date-malformed"),
        "max_submissions_per_day": Field(Type.WHOLE, null=True),
        "max_submissions": Field(Type.WHOLE, null=True),
        "auto_migrate_to_this_phase": _FLAG,
        "hide_output": _FLAG,
        "hide_prediction_output": _FLAG,
        "hide_score_output": _FLAG,
        "tasks": Field(Type.OTHER, null=True),
        "execution_time_limit": Field(Type.WHOLE, emptied=True, code="time-limit-malformed"),
        "public_data": _file(FileKind.DOWNLOAD),
        "starting_kit": _file(FileKind.DOWNLOAD),
    }),
    "leaderboards": Section({
        "title": _text(64),
        "key": _text(36),
        "hidden": _FLAG,
        "primary_index": Field(Type.WHOLE),
        "submission_rule": Field(Type.CHOICE, choices=_RULES, code="rule-unknown"),
        "columns": Field(Type.LIST, needed=True, code="column-malformed",
                         missing="column-malformed"),
        "index": _INDEX,
    }),
}  # fmt: skip
COLUMNS = Section({
    "title": _text(36, "column-malformed"),
    "key": _text(36, "column-malformed"),
    "index": Field(Type.WHOLE, needed=True, code="column-malformed", missing="column-malformed"),
    "sorting": Field(Type.CHOICE, choices=("asc", "desc"), code="sorting-unknown"),
    "computation": Field(Type.CHOICE, null=True, blank=True, choices=COMPUTATIONS,
                         code="computation"),
    "computation_indexes": Field(Type.OTHER, null=True, code="computation"),
    "hidden": _FLAG,
    "precision": Field(Type.WHOLE, least=-LARGEST - 1, code="precision-malformed"),
})  # fmt: skip
TASK_FILES = tuple(SECTIONS["tasks"].files)
