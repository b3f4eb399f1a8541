"""Questions with which readers check themselves: a choice, and what is to be said of each answer.

No script is needed: the answers are radio buttons, and a style shows what belongs to the chosen one.

    :::{quiz}
    :right: 2

    What is two and two?

    Three
    : No: count again.

    Four
    : As on the fingers of one hand, without the thumb.
    :::
"""

from typing import Any, ClassVar, NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

TITLE = "Check yourself"
VERDICTS = {True: "Right.", False: "No."}


class quiz(nodes.General, nodes.Element):
    """A question and its answers."""


class answer(nodes.General, nodes.Element):
    """A choice, and what is said of it."""


class choice(nodes.General, nodes.Element):
    """What can be chosen."""


class Quiz(SphinxDirective):
    """The directive: a question, and a list of definitions: the answers, and what is said of them."""

    has_content = True
    option_spec: ClassVar = {"right": directives.positive_int}

    def run(self) -> list[nodes.Node]:
        content = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, content)
        *question, answers = content.children or [nodes.paragraph()]
        right = self.options.get("right")
        if not isinstance(answers, nodes.definition_list):
            raise self.error(
                "a quiz ends with its answers, each a line followed by one of ': ' and what is said of it"
            )
        if not question:
            raise self.error("a quiz has a question before its answers")
        if any(isinstance(part, nodes.definition_list) for part in question):
            raise self.error("a quiz says something of every answer: one has no line that begins with ': '")
        if right is None or right > len(answers):
            got = "none" if right is None else right
            raise self.error(
                f"a quiz has :right: with a number from 1 to {len(answers)}, that of an answer; got {got}"
            )
        name = f"quiz-{self.env.new_serialno('quiz')}"
        box = quiz("", *question)
        for number, item in enumerate(answers, start=1):
            term, said = item.children
            box += answer("", choice("", *term.children), *said.children, right=number == right, name=name)
        return [box]


def open_quiz(translator: Any, node: quiz) -> None:
    translator.body.append(f'<fieldset class="quiz"><legend>{TITLE}</legend>')


def close_quiz(translator: Any, node: quiz) -> None:
    translator.body.append("</fieldset>")


def open_answer(translator: Any, node: answer) -> None:
    verdict = "right" if node["right"] else "wrong"
    translator.body.append(f'<div class="answer {verdict}">')


def close_answer(translator: Any, node: answer) -> None:
    translator.body.append("</div></div></div>")


def open_choice(translator: Any, node: choice) -> None:
    translator.body.append(f'<label><input type="radio" name="{node.parent["name"]}"> <span>')


def close_choice(translator: Any, node: choice) -> None:
    """What follows is said where the choice is made, also to those who listen."""
    verdict = VERDICTS[node.parent["right"]]
    translator.body.append(
        f'</span></label><div aria-live="polite"><div class="said"><p class="verdict">{verdict}</p> '
    )


class Asked(NamedTuple):
    """A quiz in plain text: the question, and the answers with what is said of them."""

    question: list[str]
    answers: list[tuple[str, str]]


def asked(lines: list[str], right: int) -> Asked:
    """Return what the body of the directive asks, in Markdown."""
    blocks = "\n".join(lines).strip().split("\n\n")
    question = [block for block in blocks if "\n: " not in block]
    pairs = [block.split("\n: ", 1) for block in blocks if "\n: " in block]
    return Asked(
        question,
        [(text, f"{VERDICTS[i == right]} {said}") for i, (text, said) in enumerate(pairs, start=1)],
    )


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(quiz, html=(open_quiz, close_quiz))
    app.add_node(answer, html=(open_answer, close_answer))
    app.add_node(choice, html=(open_choice, close_choice))
    app.add_directive("quiz", Quiz)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
