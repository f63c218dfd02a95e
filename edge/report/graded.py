"""The grade on the page: who gave it, in place of which, and why. Every text is escaped here."""

from html import escape

from edge.report.document import CoilDocument, Regrading


def given_by(document: CoilDocument) -> str:
    """Who gave the grade, in a few words; not escaped."""
    again = document.regraded
    if again is None:
        return "by the rules"
    return f"by {document.graded_by}" if again.by_hand else "by changed rules"


def grade_in_words(document: CoilDocument) -> str:
    """What was said of the grade, or nothing."""
    grade, again = document.grade, document.regraded
    if grade is None:
        return ""
    told = f"<p>{_again(grade.name, again, document.graded_by)}</p>" if again else ""
    if grade.reasons and not (again and again.by_hand):  # else its reason is the comment
        reasons = "".join(f"<li>{escape(reason)}</li>" for reason in grade.reasons)
        told += f"<p>Grade {escape(grade.name)}, because of:</p><ul>{reasons}</ul>"
    return f'<div id="reasons">{told}</div>' if told else ""


def _again(name: str, again: Regrading, by: str | None) -> str:
    how = "set by" if again.by_hand else "by changed rules, recorded by"
    before = "no grade"
    if again.before is not None:
        before = f"{again.before} by {again.before_by or 'the rules'}"
    why = f": {again.comment}" if again.comment else ""
    return escape(f"Grade {name}, {how} {by}, instead of {before}{why}")
