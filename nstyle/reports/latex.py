"""Tables as LaTeX, with the rules of the package booktabs."""

from collections.abc import Sequence

from nstyle.reports.page import Table

SPECIAL = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def latex_table(table: Table) -> str:
    r"""Write a table as ``tabular``, the first column to the left and the others to the right. All text is escaped."""
    lines = [_row(row) for row in table.rows]
    return "\n".join(
        [
            r"% Needs \usepackage{booktabs}.",
            rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
            r"\toprule",
            _row(table.columns),
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _row(cells: Sequence[str]) -> str:
    return (
        " & ".join("".join(SPECIAL.get(letter, letter) for letter in " ".join(cell.split())) for cell in cells) + r" \\"
    )
