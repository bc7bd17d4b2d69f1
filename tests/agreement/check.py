"""The commands `check` and `matrix`: all that a combination of versions can be asked."""

import collections

import facts
import pages
import pool
import shop
from install import ROOT

RECORD = ROOT / "tests" / "agreement" / "matrix.txt"


def counted(results, others):
    """One line on the examples."""
    agreed = sum(1 for result in results if not result.complaints and result.word == "agrees")
    undecided = sum(1 for result in results if not result.complaints and result.word != "agrees")
    wrong = sum(1 for result in results if result.complaints)
    return (
        f"examples: {len(results)} asked, {agreed} true, {wrong} wrong, {undecided} whose trace agrees and whose claim no server decides,"
        f" {others} for another combination"
    )


def why_undecided(results):
    """The rules and examples that no server decides, by reason."""
    reasons = collections.defaultdict(list)
    for result in results:
        if not result.complaints and result.word != "agrees":
            reasons[result.word].append(result)
    lines = []
    for reason, some in sorted(reasons.items()):
        by_rule = collections.Counter(result.rule for result in some)
        lines.append(f"  not decided: {', '.join(f'{rule} ({count})' for rule, count in sorted(by_rule.items()))}: {reason}")
    return lines


def tell(lines):
    """At once, since the rest takes minutes."""
    for line in lines:
        print(line, flush=True)


def ask(combination, arguments, tags, made, chosen, rows=True):
    """Examples and rows of one combination; returns the lines that differ, and the results of the examples."""
    without = [example for example in chosen if pages.lacks(example)]
    examples = [example for example in chosen if pages.belongs(example, combination) and not pages.lacks(example)]
    results = pages.ask(examples, combination, arguments.foreshot, tags, made)
    lines = []
    for result in results:
        if result.complaints:
            lines += result.lines()
        elif arguments.verbose:
            print(f"{result.word:8.60} {result.where}  {result.title}")
    print(counted(results, len(chosen) - len(examples) - len(without)), flush=True)
    tell(lines)
    for line in why_undecided(results) if combination == pages.DEFAULT or arguments.verbose else ():
        print(line)
    for example in without:
        print(f"  not asked: {example['page']}:{example['line']}: the server has no {example['needs']}")
    if not rows:
        return lines, results
    asked, others = facts.questions(combination)
    asked = [(row, question) for row, question in asked if arguments.only in row["name"] + "  " + row["text"]]
    answers = pool.ask_all(made, [question for _, question in asked])
    differing = [line for (row, _), answer in zip(asked, answers) for line in [facts.differs(row, answer)] if line]
    print(f"tables: {len(asked)} rows asked, {len(asked) - len(differing)} true, {len(differing)} wrong, {others} for another combination", flush=True)
    differing = [f"DIFFERS  {line}" for line in differing]
    tell(differing)
    return lines + differing, results


def chosen_examples(arguments):
    return [example for example in pages.read(arguments.examples) if arguments.only in f"{example['page']}:{example['line']}  {example['title']}"]


def check(arguments):
    """One combination: the default command's."""
    tags = pages.tags_of_rules(arguments.foreshot)
    print(f"agreement with {pages.DEFAULT}", flush=True)
    with pool.workers(pages.DEFAULT) as made:
        lines, results = ask(pages.DEFAULT, arguments, tags, made, chosen_examples(arguments))
        if arguments.only in "examples/shop":
            told = shop.differs(made[0], arguments.write)
            tell(told)
            lines += told
    if not (results or arguments.only):
        lines.append("no examples")
        print("DIFFERS  there are no examples: the pages were not found")
    for result in results:
        if not result.heading:
            lines.append("the heading of an example")
            print(f"DIFFERS  {result.where}  {result.title}: foreshot for {pages.DEFAULT} does not say what the heading says")
    return 1 if lines else 0


def matrix(arguments):
    """Old, middle and new versions of all three, and what examples ask for besides."""
    tags, chosen, report = pages.tags_of_rules(arguments.foreshot), chosen_examples(arguments), []
    combinations = [pool.Combination(major, *stack) for major in (11, 14, 18) for stack in pages.STACKS]
    own = {pages.combination_of(example) for example in chosen if pages.wanted(example)} - {*combinations, pages.DEFAULT}
    for combination in [*combinations, *sorted(own)]:
        special = combination in own
        some = [example for example in chosen if not special or (pages.wanted(example) and pages.belongs(example, combination))]
        print(f"\nagreement with {combination}", flush=True)
        with pool.workers(combination) as made:
            lines, results = ask(combination, arguments, tags, made, some, rows=not special)
        agreed = sum(not result.complaints for result in results)
        report.append(f"{combination}: {agreed} of {len(results)} examples agree" + (f", {len(lines)} lines differ" if lines else ""))
        # the headings speak of the versions that foreshot assumes, or of the example's own
        for result in results:
            if not result.complaints and not result.heading and not special:
                report.append(f"  by version: {result.where}  {result.title}")
            elif not result.heading and special:
                lines.append(f"DIFFERS  {result.where}  {result.title}: foreshot does not say what the heading says")
        report += [f"  {line}" for line in lines]
    print("\n" + "\n".join(report))
    if arguments.write:
        RECORD.write_text("\n".join(report) + "\n")
    return 1 if any("DIFFERS" in line for line in report) else 0
