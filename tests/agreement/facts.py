"""The measured tables of `tests/facts/` asked again: each row on a real server."""


from install import ROOT

FACTS = ROOT / "tests" / "facts"
STACK = {"1.20.1": "alembic 1.20.1/SA 2.0.58", "1.7.7": "alembic 1.7.7/SA 1.4.54"}


def read(name):
    """The rows with their numbers from 1; the header is row 0."""
    with open(FACTS / name, newline="") as file:
        lines = [line.rstrip("\n") for line in file]
    return [(number, line.split("\t")) for number, line in enumerate(lines) if number and line]


def majors(text):
    """`11-13,18` as a set."""
    found = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def agrees(row, answer):
    """Whether the answer is the row's; `silently-duplicates` and `changes-data` are changes."""
    word = row["verdict"] if row["verdict"] in ("no-op", "fails", "first-run-fails", "sequence-advances-only") else "changes"
    state = row["state"] if word in ("fails", "first-run-fails") else "-"
    return answer.get("verdict") == word and answer.get("state") == state and row.get("inside") in (None, answer.get("inside"))


def questions(combination):
    """(row, question) of each row that speaks of this combination, and how many speak of others."""
    found, others = [], 0
    stack = next((text for version, text in STACK.items() if version == combination.alembic and text.endswith(combination.sqlalchemy)), None)
    # tables without a column for it were measured with the newest versions; SQL text does not depend on them
    special = {int(row[0]): row for _, row in read("rerun-sql.statements.tsv")}
    setup = (FACTS / "rerun-sql.setup.sql").read_text()
    for number, row in read("rerun-sql.tsv"):
        if combination.postgres not in majors(row[6]):
            others += 1
            continue
        changed = special.get(number, [])
        statement, before = (changed[1], (changed[2:] or [""])[0]) if changed else (row[1], "")
        inside = "ok" if row[5] == "yes" else row[5].split()[1]
        told = {"name": f"sql {number}", "verdict": row[2], "state": row[3], "inside": inside, "text": statement}
        found.append((told, {"kind": "statement", "setup": setup, "statement": statement, "before": before}))
    setup = (FACTS / "rerun-ops.setup.sql").read_text()
    for number, row in read("rerun-ops.tsv"):
        if row[7] != stack or combination.postgres not in majors(row[6]):
            others += 1
            continue
        told = {"name": f"ops {number}", "verdict": row[2], "state": row[3], "text": row[9]}
        found.append((told, {"kind": "operation", "setup": setup, "body": row[9], "before": (row[10:] or [""])[0]}))
    setup = (FACTS / "sequences.setup.sql").read_text()
    for number, row in read("sequences.tsv"):
        if combination.postgres not in majors(row[3]):
            others += 1
            continue
        told = {"name": f"sequences {number}", "answers": row[2], "text": row[1]}
        found.append((told, {"kind": "sequence", "setup": setup, "steps": row[1].split(" ;; ")}))
    return found, others


def differs(row, answer):
    """A line that says how the server's answer is another than the row's, or nothing."""
    if "broken" in answer:
        return f"{row['name']}: could not be asked: {answer['broken']}: {row['text']}"
    if "answers" in row:
        same = answer["answers"] == row["answers"]
        return None if same else f"{row['name']}: the table says {row['answers']}, the server {answer['answers']}: {row['text']}"
    if agrees(row, answer):
        return None
    said = " ".join(filter(None, (row["verdict"], row["state"], row.get("inside") and f"(in a transaction: {row['inside']})")))
    got = " ".join(filter(None, (answer["verdict"], answer["state"], answer.get("inside") and f"(in a transaction: {answer['inside']})")))
    return f"{row['name']}: the table says {said}, the server {got} {answer.get('keys') or answer.get('message') or ''}: {row['text']}"
