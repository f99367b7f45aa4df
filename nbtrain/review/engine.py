"""Run the rules over facts: collect, silence by comment, sort.

A rule that raises becomes a caveat, never a crash.
"""

from __future__ import annotations

import difflib
import functools
import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass

from nbtrain import registry
from nbtrain.errors import UsageError
from nbtrain.findings import Finding, Severity
from nbtrain.review import witness
from nbtrain.review.edits import Edit
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem, Rule, problem_with
from nbtrain.review.witness import Witness

ALLOW = re.compile(r"#\s*nbtrain:\s*allow\s+([\w\-, ]+)")
Found = tuple[Finding, tuple[Edit, ...]]
ORDER = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True)
class Outcome:
    """What the rules said: findings in order, the edits of each by its index, gaps, caveats.

    `silenced`: (rule id, line) of each finding that a comment in the source allows.
    """

    findings: tuple[Finding, ...]
    edits: tuple[tuple[Edit, ...], ...]
    gaps: tuple[str, ...]
    caveats: tuple[str, ...]
    silenced: tuple[tuple[str, int | None], ...] = ()


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, found by walking `nbtrain.review.rules`."""
    from nbtrain.review import rules

    found: list[Rule] = registry.units_of(rules, "RULE", problem_with)
    return tuple(sorted(found, key=lambda one: one.id))


def rule_named(rule_id: str) -> Rule:
    """Return the rule with this id.

    Raises:
        UsageError: there is none; names the nearest ids.
    """
    wanted = rule_id.strip().lower().replace("_", "-")
    for rule in all_rules():
        if rule.id == wanted:
            return rule
    near = difflib.get_close_matches(wanted, [one.id for one in all_rules()], n=3, cutoff=0.4)
    suggestion = f"Did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else ""
    known = ", ".join(one.id for one in all_rules())
    raise UsageError(
        f"There is no review rule `{rule_id}`.",
        suggestion=suggestion or f"The rules are: {known}.",
        value=rule_id,
    )


def run(facts: ReviewFacts, rules: Iterable[Rule] | None = None) -> Outcome:
    """Run rules over facts.

    Args:
        facts: of a source, of live objects, or of both.
        rules: default all.
    """
    text = facts.source.text if facts.source is not None else ""
    allowed, caveats = allowed_in(text)
    open_questions: list[tuple[str, str]] = []
    silenced: dict[tuple[str, int | None], None] = {}
    found: list[Found] = []
    asked = tuple(all_rules() if rules is None else rules)
    for rule in asked:
        try:
            said = list(rule.check(facts))
        except Exception as error:
            caveats.append(f"The rule {rule.id} failed ({type(error).__name__}: {error}) and was left out.")
            continue
        for one in said:
            if not isinstance(one, Problem):
                open_questions.append((rule.id, one.text))
            elif _is_allowed(allowed, rule.id, one):
                silenced[rule.id, one.line] = None
            else:
                found.append((_finding(rule, one), one.edits))
    if facts.probe is not None:
        found, answered = _witnessed(facts.probe, found, allowed, silenced, caveats)
        open_questions = [pair for pair in open_questions if pair[0] not in answered]
    roots = {finding.rule for finding, _ in found}
    explained = {other for rule in asked if rule.id in roots for other in rule.explains}
    found = [pair for pair in found if pair[0].rule not in explained]
    found.sort(key=lambda pair: (ORDER[pair[0].severity], pair[0].line or 0, pair[0].rule))
    unique: dict[tuple[object, ...], tuple[Finding, tuple[Edit, ...]]] = {}
    for pair in found:
        unique.setdefault((pair[0].rule, pair[0].line, pair[0].name, pair[0].current), pair)
    kept = list(unique.values())
    gaps = list(dict.fromkeys(text for _, text in open_questions))
    return Outcome(
        tuple(one for one, _ in kept),
        tuple(edits for _, edits in kept),
        tuple(gaps),
        tuple(caveats),
        tuple(silenced),
    )


@functools.cache
def all_witnesses() -> tuple[Witness, ...]:
    """Return every witness, found by walking `nbtrain.review.witnesses`."""
    from nbtrain.review import witnesses

    return tuple(registry.units_of(witnesses, "WITNESS", witness.problem_with))


def _witnessed(
    probe: ProbeFacts, found: list[Found], allowed: dict[str, set[int]],
    silenced: dict[tuple[str, int | None], None], caveats: list[str],
) -> tuple[list[Found], set[str]]:  # fmt: skip
    """Hear the witnesses: what they saw is certain, and what they saw otherwise is left out.

    Returns the findings, and the rules whose question was answered.
    """
    answered: set[str] = set()
    for one in all_witnesses():
        try:
            said = list(one.see(probe))
        except Exception as error:
            caveats.append(f"The probe's witness of {one.rule} failed ({type(error).__name__}: {error}).")
            continue
        answered |= {one.rule} if said else set()
        problems = [certain for certain in said if isinstance(certain, Problem)]
        for fine in said if not problems else ():
            wrong = [pair for pair in found if pair[0].rule == one.rule and fine.answers(pair[0])]
            found = [pair for pair in found if pair not in wrong]
            caveats += [f"{one.rule} (line {pair[0].line}) is left out: {fine.why}." for pair in wrong]
        for seen in problems:
            same = [at for at, pair in enumerate(found) if pair[0].rule == one.rule]
            near = [at for at in same if found[at][0].line == seen.line] or (same if len(same) == 1 else [])
            if near:
                found[near[0]] = witness.confirmed(found[near[0]][0], seen), found[near[0]][1]
            elif _is_allowed(allowed, one.rule, seen):
                silenced[one.rule, seen.line] = None
            elif not same:
                found.append((_finding_of(one.rule, one.severity, witness.certain(seen)), ()))
    return found, answered


def _finding(rule: Rule, said: Problem) -> Finding:
    return _finding_of(rule.id, said.severity or rule.severity, said)


def _finding_of(rule: str, severity: Severity, said: Problem) -> Finding:
    return Finding(
        rule,
        severity,
        said.issue,
        current=said.current,
        recommended=said.recommended,
        evidence=said.evidence,
        confidence=said.confidence,
        line=said.line,
        name=said.name,
        fix=said.fix,
    )


def allowed_in(text: str) -> tuple[dict[str, set[int]], list[str]]:
    """Lines on which each rule is silenced; line 0 stands for the whole source.

    A comment beside code silences its line, one alone the line below, one above all code the whole source.
    """
    found: dict[str, set[int]] = {}
    caveats: list[str] = []
    if "nbtrain:" not in text:
        return found, caveats
    known = {one.id for one in all_rules()}
    lines = text.split("\n")
    first_code = next(
        (
            at
            for at, line in enumerate(lines, 1)
            if line.strip() and not line.lstrip().startswith(("#", "%%"))
        ),
        0,
    )
    for line, comment in _comments(text):
        match = ALLOW.search(comment)
        if match is None:
            continue
        alone = lines[line - 1].lstrip().startswith("#")
        covered = {0} if alone and line < first_code else {line + 1, line} if alone else {line}
        for rule_id in re.split(r"[,\s]+", match[1].strip()):
            if rule_id in known:
                found.setdefault(rule_id, set()).update(covered)
            elif rule_id:
                near = difflib.get_close_matches(rule_id, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                caveats.append(f"Line {line} allows `{rule_id}`, which is no rule{hint}")
    return found, caveats


def _comments(text: str) -> list[tuple[int, str]]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        return [(one.start[0], one.string) for one in tokens if one.type == tokenize.COMMENT]
    except (tokenize.TokenError, SyntaxError, ValueError):
        # A broken source or IPython syntax: lines that look like it are taken as comments.
        return [(at, line[line.index("#") :]) for at, line in enumerate(text.split("\n"), 1) if "#" in line]


def _is_allowed(allowed: dict[str, set[int]], rule_id: str, said: Problem) -> bool:
    lines = allowed.get(rule_id)
    if not lines:
        return False
    touched = (
        {said.line or 0} | {edit.start_line for edit in said.edits} | {edit.end_line for edit in said.edits}
    )
    return 0 in lines or bool(lines & touched)
