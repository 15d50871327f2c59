"""Reports: a page, its JSON twin and a model card of what a search found."""

from kerasnas.report.facts import facts_of
from kerasnas.report.of_directory import directory_facts
from kerasnas.report.writing import check_report_path, write_report

__all__ = ["check_report_path", "directory_facts", "facts_of", "write_report"]
