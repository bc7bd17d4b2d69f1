//! The interpreter against a small host that writes down what it is asked.

use std::any::Any;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::host::{Arguments, Eval, Host, HostOperator, Raise, Truth};
use super::interpreter::{Interpreter, Limits, Modules, exception_class, host_module};
use super::syntax::{self, ConstantKind};
use super::value::{Class, HostObject, HostRef, Value};
use crate::source::{FileId, Site};
use crate::unknown::{Reason, Unknown};

#[derive(Debug)]
struct Thing(&'static str);

impl HostObject for Thing {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn type_name(&self) -> &'static str {
        self.0
    }
}

#[derive(Default)]
struct World {
    log: Vec<String>,
    gaps: Vec<String>,
    decided: Vec<Unknown>,
    answer: bool,
    conditional: Vec<Option<Reason>>,
    sites: Vec<Vec<Site>>,
}

fn thing(object: &HostRef) -> &'static str {
    object.downcast::<Thing>().map_or("?", |thing| thing.0)
}

impl Host for World {
    fn import(_: &mut Interpreter<Self>, module: &str) -> Option<Value> {
        match module {
            "world" => Some(host_module(
                "world",
                vec![
                    ("record", Value::host(Thing("record"))),
                    ("block", Value::host(Thing("block"))),
                    ("rows", Value::host(Thing("rows"))),
                    ("fail", Value::host(Thing("fail"))),
                    ("Base", Value::host(Thing("Base"))),
                    ("Failure", Value::Class(exception_class("Failure", &[]))),
                ],
            )),
            _ => None,
        }
    }

    fn attribute(_: &mut Interpreter<Self>, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "record").then(|| Value::host(Thing("record"))))
    }

    fn set_attribute(_: &mut Interpreter<Self>, _: &HostRef, _: &str, _: Value) -> Eval<()> {
        Ok(())
    }

    fn call(
        interpreter: &mut Interpreter<Self>,
        callee: &HostRef,
        arguments: Arguments,
    ) -> Eval<Value> {
        if thing(callee) == "fail" {
            return Err(interpreter.error("ValueError", "failed"));
        }
        if thing(callee) == "rows" {
            return Ok(Value::unknown(Unknown::new(Reason::Data, "rows")));
        }
        let mut texts = Vec::new();
        for value in &arguments.positional {
            texts.push(interpreter.string(value)?.to_string());
        }
        for (name, value) in &arguments.keyword {
            texts.push(format!("{name}={}", interpreter.string(value)?));
        }
        let conditional = interpreter.conditional().map(|unknown| unknown.reason);
        let sites = interpreter.stack_in(FileId(0));
        interpreter.host.log.push(texts.join(" "));
        interpreter.host.conditional.push(conditional);
        interpreter.host.sites.push(sites);
        Ok(Value::None)
    }

    fn item(interpreter: &mut Interpreter<Self>, _: &HostRef, _: &Value) -> Eval<Value> {
        Ok(interpreter.unknown(Reason::Unsupported, "item"))
    }

    fn set_item(_: &mut Interpreter<Self>, _: &HostRef, _: &Value, _: Value) -> Eval<()> {
        Ok(())
    }

    fn iterate(_: &mut Interpreter<Self>, _: &HostRef) -> Eval<Value> {
        Ok(Value::unknown(Unknown::new(Reason::Data, "rows")))
    }

    fn contains(_: &mut Interpreter<Self>, _: &HostRef, _: &Value) -> Eval<Truth> {
        Ok(Truth::Known(true))
    }

    fn operator(
        _: &mut Interpreter<Self>,
        operator: HostOperator,
        _: &Value,
        _: &Value,
    ) -> Eval<Option<Value>> {
        Ok((operator == HostOperator::Greater).then(|| Value::str("greater")))
    }

    fn unary(_: &mut Interpreter<Self>, _: &str, _: &HostRef) -> Eval<Option<Value>> {
        Ok(None)
    }

    fn truth(_: &mut Interpreter<Self>, _: &HostRef) -> Eval<Truth> {
        Ok(Truth::Known(true))
    }

    fn length(_: &mut Interpreter<Self>, _: &HostRef) -> Eval<Option<usize>> {
        Ok(Some(3))
    }

    fn string(_: &mut Interpreter<Self>, object: &HostRef) -> Eval<Option<Rc<str>>> {
        Ok(Some(thing(object).into()))
    }

    fn enter(interpreter: &mut Interpreter<Self>, _: &HostRef) -> Eval<Value> {
        interpreter.host.log.push("enter".into());
        Ok(Value::None)
    }

    fn exit(
        interpreter: &mut Interpreter<Self>,
        _: &HostRef,
        raised: Option<&Raise>,
    ) -> Eval<bool> {
        let word = if raised.is_some() {
            "exit raised"
        } else {
            "exit"
        };
        interpreter.host.log.push(word.into());
        Ok(false)
    }

    fn is_instance(_: &mut Interpreter<Self>, _: &Value, _: &HostRef) -> Eval<Truth> {
        Ok(Truth::Known(false))
    }

    fn class_defined(
        interpreter: &mut Interpreter<Self>,
        class: &Rc<Class>,
        _: &[(SmolStr, Value)],
    ) -> Eval<()> {
        interpreter.host.log.push(format!("class {}", class.name));
        Ok(())
    }

    fn instantiate(_: &mut Interpreter<Self>, _: &Rc<Class>, _: &Arguments) -> Eval<Option<Value>> {
        Ok(None)
    }

    fn inherited(
        _: &mut Interpreter<Self>,
        _: &Value,
        _: &Rc<Class>,
        name: &str,
    ) -> Eval<Option<Value>> {
        Ok((name == "metadata").then(|| Value::str("metadata")))
    }

    fn decide(interpreter: &mut Interpreter<Self>, unknown: &Unknown) -> bool {
        interpreter.host.decided.push(unknown.clone());
        interpreter.host.answer
    }

    fn gap(interpreter: &mut Interpreter<Self>, what: String) {
        interpreter.host.gaps.push(what);
    }
}

#[derive(Default)]
struct Project {
    modules: HashMap<String, Arc<syntax::Module>>,
}

impl Modules for Project {
    fn find(&self, name: &str, _: FileId) -> Option<Arc<syntax::Module>> {
        self.modules.get(name).cloned()
    }

    fn at(&self, path: &str, _: FileId) -> Option<Arc<syntax::Module>> {
        let name = path.trim_end_matches(".py").replace('/', ".");
        self.modules.get(&name).cloned()
    }

    fn package_of(&self, _: FileId) -> Option<String> {
        Some("app".into())
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        (path == "versions/x.sql").then(|| b"SELECT 1".to_vec())
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let files = ["b.sql", "c/d.sql", "x.sql"];
        match folder {
            "versions" => Some(files.map(String::from).to_vec()),
            "versions/c" => Some(vec!["d.sql".into()]),
            _ => None,
        }
    }

    fn path_of(&self, _: FileId) -> String {
        "versions/a.py".into()
    }
}

fn run_with(modules: &[(&str, &str)], text: &str, answer: bool) -> (World, Option<Box<Raise>>) {
    let mut project = Project::default();
    for (position, (name, text)) in modules.iter().enumerate() {
        let module = syntax::parse(FileId(position as u32 + 1), text);
        project.modules.insert((*name).to_owned(), Arc::new(module));
    }
    let world = World {
        answer,
        ..World::default()
    };
    let limits = Limits {
        steps: 60_000,
        ..Limits::default()
    };
    let text = format!("from world import record, block, rows, fail, Base, Failure\n{text}");
    let module = Arc::new(syntax::parse(FileId(0), &text));
    let mut interpreter = Interpreter::new(world, Arc::new(project), limits);
    let raised = interpreter.load(&module, "revision").err();
    assert!(interpreter.frames().is_empty());
    assert!(interpreter.conditional().is_none());
    (interpreter.host, raised)
}

fn describe(raised: &Raise) -> String {
    match &raised.exception {
        Value::Instance(instance) => format!(
            "{}: {:?}",
            instance.class.name,
            instance.attributes.borrow().get("args")
        ),
        other => format!("{other:?}"),
    }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let (world, raised) = run_with(&[], text, true);
    assert!(
        raised.is_none(),
        "{text}\nraised {}",
        raised.as_deref().map(describe).unwrap_or_default()
    );
    assert_eq!(world.log, expected, "{text}");
}

/// Snippets with what they record: all the Python that runs here is also run cut short at every place.
const SNIPPETS: &[(&str, &[&str])] = &[
    ("record('a', 1, x=None)", &["a 1 x=None"]),
    ("record(f'ix_{1 + 1}_{\"b\"!r:>5}')", &["ix_2_  'b'"]),
    (
        "record('%s-%d-%05.1f %%' % ('a', 3, 2.5), '%(x)s' % {'x': 1})",
        &["a-3-002.5 % 1"],
    ),
    (
        "record('{} {0} {a[k]} {b:>4}'.format(1, a={'k': 2}, b='z')) if False else record('{} {a[k]} {b:>4}'.format(1, a={'k': 2}, b='z'))",
        &["1 2    z"],
    ),
    (
        "record('a' 'b' r'\\n' '\\x41\\u00e9\\n'.strip())",
        &["ab\\nAé"],
    ),
    (
        "record(','.join(x.upper() for x in ('a', 'b') if x != 'b'), [i * 2 for i in range(3)], {k: v for k, v in zip('ab', [1, 2])}, {1, 1})",
        &["A [0, 2, 4] {'a': 1, 'b': 2} {1}"],
    ),
    (
        "def f(a, /, b=2, *args, c, d=4, **kw):\n    record(a, b, args, c, d, kw)\nf(1, c=3)\nf(1, 5, 6, 7, c=8, e=9)\nf(*[1, 2], **{'c': 3})",
        &["1 2 () 3 4 {}", "1 5 (6, 7) 8 4 {'e': 9}", "1 2 () 3 4 {}"],
    ),
    (
        "x = 1\ndef f():\n    global x\n    x = 2\n    y = 1\n    def g():\n        nonlocal y\n        y += 5\n    g()\n    record(y)\nf()\nrecord(x)",
        &["6", "2"],
    ),
    (
        "try:\n    fail()\nexcept (KeyError, ValueError) as e:\n    record('caught', e)\nelse:\n    record('else')\nfinally:\n    record('finally')",
        &["caught failed", "finally"],
    ),
    (
        "def f():\n    try:\n        return 1\n    finally:\n        record('f')\nrecord(f())",
        &["f", "1"],
    ),
    (
        "try:\n    {}['a']\nexcept LookupError as e:\n    record(repr(e))\ntry:\n    [].pop()\nexcept Exception:\n    record('pop')",
        &["KeyError(\"'a'\")", "pop"],
    ),
    ("with block:\n    record('in')", &["enter", "in", "exit"]),
    (
        "try:\n    with block:\n        fail()\nexcept ValueError:\n    record('out')",
        &["enter", "exit raised", "out"],
    ),
    (
        "from contextlib import contextmanager\n@contextmanager\ndef cm(x):\n    record('before', x)\n    try:\n        with block:\n            yield x + 1\n    except ValueError:\n        record('swallowed')\n    finally:\n        record('after')\ndef f():\n    with cm(1) as y:\n        record('body', y)\n        return 7\nrecord(f())\nwith cm(5):\n    fail()\nrecord('end')",
        &[
            "before 1",
            "enter",
            "body 2",
            "exit",
            "after",
            "7",
            "before 5",
            "enter",
            "exit raised",
            "swallowed",
            "after",
            "end",
        ],
    ),
    (
        "class A:\n    n = 1\n    def __init__(self, x):\n        self.x = x\n    @property\n    def twice(self):\n        return self.x * 2\n    @twice.setter\n    def twice(self, v):\n        self.x = v\n    @classmethod\n    def make(cls):\n        return cls(9)\n    @staticmethod\n    def s(a):\n        return a\nclass B(A):\n    def __init__(self, x):\n        super().__init__(x + 1)\nb = B(1)\nb.twice = b.twice + 1\nrecord(b.x, B.make().x, B.s(3), B.n, isinstance(b, A), issubclass(B, A))",
        &["5 10 3 1 True True"],
    ),
    (
        "import enum\nclass E(str, enum.Enum):\n    A = 'a'\n    B = 'b'\nrecord(E.A.value, E.B.name, [e.value for e in E], E('b') is E.B, E['A'] == 'a', E.__members__.keys() == {'A', 'B'}, E.A.upper())",
        &["a B ['a', 'b'] True True True A"],
    ),
    (
        "from enum import IntEnum, auto\nclass E(IntEnum):\n    A = auto()\n    B = auto()\nrecord(E.B + 1, str(E.A), f'{E.B}')",
        &["3 1 2"],
    ),
    (
        "from dataclasses import dataclass, field\n@dataclass\nclass D:\n    a: int\n    b: str = 'x'\n    c: list = field(default_factory=list)\nd = D(1)\nd.c.append(2)\nrecord(d.a, d.b, d.c, D(1, b='y').b)",
        &["1 x [2] y"],
    ),
    (
        "from collections import namedtuple, defaultdict, Counter, OrderedDict\nP = namedtuple('P', 'x y')\np = P(1, y=2)\na, b = p\nd = defaultdict(list)\nd['k'].append(1)\nrecord(p.x, p[1], a + b, d['k'], len(d), 'z' in d, Counter('aab')['a'], OrderedDict([('a', 1)]))",
        &["1 2 3 [1] 1 False 2 {'a': 1}"],
    ),
    (
        "def g(n):\n    for i in range(n):\n        yield i\n    yield from 'ab'\nit = g(2)\nrecord(next(it), list(it), next(it, 'end'))",
        &["0 [1, 'a', 'b'] end"],
    ),
    (
        "for i in range(5):\n    if i == 1:\n        continue\n    if i == 3:\n        break\n    record(i)\nelse:\n    record('no')\nn = 0\nwhile n < 2:\n    n += 1\nelse:\n    record('else', n)",
        &["0", "2", "else 2"],
    ),
    (
        "a, (b, *c) = 1, (2, 3, 4)\nx = y = []\nx += [1]\nrecord(a, b, c, y, 1 < 2 < 3, 1 < 3 < 2, not [], a if b else c, (z := 5), z)",
        &["1 2 [3, 4] [1] True False True 1 5 5"],
    ),
    (
        "record('abcdef'[1:4], 'abc'[-1], [1, 2, 3][::-1], 'a,b,c'.split(',', 1), ' x '.strip(), 'A_b'.lower().replace('_', ''), 'x' * 3, 'ab' in 'cabs', 7 // 2, -7 // 2, -7 % 3, 2 ** 5, 7 / 2)",
        &["bcd c [3, 2, 1] ['a', 'b,c'] x ab xxx True 3 -4 2 32 3.5"],
    ),
    (
        "import hashlib, uuid, json, textwrap, re\nrecord(hashlib.md5('a'.encode()).hexdigest()[:8], hashlib.sha1(b'a').hexdigest()[:8], uuid.uuid5(uuid.NAMESPACE_DNS, 'a'), json.dumps({'a': [1, None, True, 'é']}), json.loads('{\"k\": [1]}')['k'], textwrap.dedent('''\n    a\n      b\n''').strip(), re.sub(r'(\\d+)', r'<\\1>', 'a1b22'), bool(re.match('b', 'ab')))",
        &[
            "0cc175b9 86f7e437 4f3f2898-69e3-5a0d-820a-c4e87987dbce {\"a\": [1, null, true, \"\\u00e9\"]} [1] a\n  b a<1>b<22> False",
        ],
    ),
    // look-around, back references, groups that take no part; places are those of characters
    (
        r"import re
m = re.search('(b)|(c)', 'éac')
record(re.sub('(?<!^)(?=[A-Z])', '_', 'UserAccountItem').lower(), re.split('(,)|;', 'a,b;c'), re.split(',', 'a,b,c', maxsplit=1), re.findall('(?P<q>[!?])([a-z]+)(?P=q)', '!b! ?c? !d?'), m.span(), m.start(1), m.end(2), m[2])",
        &[
            "user_account_item ['a', ',', 'b', None, 'c'] ['a', 'b,c'] [('!', 'b'), ('?', 'c')] (2, 3) -1 3 c",
        ],
    ),
    // more steps than a search may take: not known, not awaited
    (
        "import re\np = re.compile(r'^(?:(a+)\\1*)+$')\nrecord(p.sub('x', 'a' * 40 + 'b'), p.search('a' * 40 + 'b'))",
        &["\u{f8ff} \u{f8ff}"],
    ),
    (
        "import datetime\nfrom datetime import timedelta\nd = datetime.datetime(2020, 2, 28, 12)\nrecord(d + timedelta(days=2), d.isoformat(), d.strftime('%Y-%m'), datetime.date(2020, 3, 1) - datetime.date(2020, 2, 1))",
        &["2020-03-01 12:00:00 2020-02-28T12:00:00 2020-02 29 days, 0:00:00"],
    ),
    (
        "from pathlib import Path\nimport glob, os, sys\nhere = Path(__file__).parent\nrecord(*[p.name for p in sorted(here.glob('*.sql'))], *[str(p) for p in here.rglob('d.*')])\nrecord(*sorted(os.listdir(here)), *glob.glob('versions/c/*.sql'), sys.path[0] == 'x')",
        &[
            "b.sql x.sql versions/c/d.sql",
            "b.sql c x.sql versions/c/d.sql False",
        ],
    ),
    (
        "from pathlib import Path\nimport os\nrecord((Path(__file__).parent / 'x.sql').read_text(), os.path.basename(__file__), __name__)\nwith open(os.path.join(os.path.dirname(__file__), 'x.sql')) as f:\n    record(f.read())",
        &["SELECT 1 a.py revision", "SELECT 1"],
    ),
    (
        "def deco(f):\n    import functools\n    @functools.wraps(f)\n    def inner(*a, **k):\n        record('call')\n        return f(*a, **k)\n    return inner\n@deco\ndef f(x, y=1):\n    return x + y\nrecord(f(1), f(1, y=5))",
        &["call", "call", "2 6"],
    ),
    (
        "globals()['record']('g')\nrecord(getattr('abc', 'upper')(), hasattr('a', 'foo'), sorted([3, 1, 2], key=lambda v: -v), max('a', 'b'), sum([1, 2]), any([0, 1]), list(map(str, [1])), list(enumerate('a')), isinstance(1, (str, int)), type('a') is str)",
        &[
            "g",
            "ABC False [3, 2, 1] b 3 True ['1'] [(0, 'a')] True True",
        ],
    ),
    (
        "match 'b':\n    case 'a' | 'c':\n        record(1)\n    case x if x == 'b':\n        record(x)\n    case _:\n        record(3)",
        &["b"],
    ),
    (
        "class M(Base):\n    __tablename__ = 'm'\nrecord(M.metadata, M.__tablename__, Base > 1)",
        &["class M", "metadata m greater"],
    ),
    (
        "from contextlib import suppress, ExitStack, nullcontext\nwith suppress(ValueError):\n    fail()\nwith ExitStack() as s:\n    s.enter_context(block)\n    record('x')\nwith nullcontext(3) as n, block:\n    record(n)",
        &["enter", "x", "exit", "enter", "3", "exit"],
    ),
    (
        "class E(Failure):\n    pass\ntry:\n    raise E('x') from None\nexcept Failure as e:\n    try:\n        raise\n    except E as again:\n        record(str(again), e.args)",
        &["x ('x',)"],
    ),
    (
        "async def f():\n    return 3\nasync def g():\n    record(await f())\nimport asyncio\nasyncio.run(g())",
        &["3"],
    ),
    (
        "s = {1, 2}\ns.add(3)\nd = {'a': 1}\nd.update(b=2)\nd.setdefault('c', 3)\ndel d['a']\nrecord(s - {1}, s & {1, 9}, s >= {1}, d, d.get('x', 0), list(d.items()), d.pop('b'), [*d], {**d, 'z': 1})",
        &["{2, 3} {1} True {'c': 3} 0 [('b', 2), ('c', 3)] 2 ['c'] {'c': 3, 'z': 1}"],
    ),
];

#[test]
fn snippets_do_what_python_does() {
    let mut wrong = Vec::new();
    for (text, expected) in SNIPPETS {
        let (world, raised) = run_with(&[], text, true);
        let raised = raised.as_deref().map(describe);
        if raised.is_some() || world.log != *expected {
            wrong.push(format!(
                "{text}\n  got {:?} {raised:?}\n  not {expected:?}",
                world.log
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn truncated_snippets_never_panic() {
    for (text, _) in SNIPPETS {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let _ = run_with(&[], &text[..end], end % 2 == 0);
        }
    }
}

#[test]
fn unknown_conditions_are_decided_by_the_host() {
    let text = "import os\nif os.getenv('A'):\n    record('yes')\nelse:\n    record('no')";
    let (world, _) = run_with(&[], text, false);
    assert_eq!(world.log, ["no"]);
    assert_eq!(world.decided[0].reason, Reason::Environment);
    assert_eq!(&*world.decided[0].what, "os.environ[\"A\"]");
    let (world, _) = run_with(
        &[],
        "from app.config import settings\nif settings.X:\n    record(1)",
        true,
    );
    assert_eq!(&*world.decided[0].what, "app.config.settings.X");
    assert_eq!(world.decided[0].reason, Reason::Environment);
    // what a library makes of rows is as new each time as they are
    let text =
        "from library import loads\nfor row in rows():\n    if loads(row):\n        record(1)";
    let (world, _) = run_with(&[], text, true);
    assert_eq!(world.decided[0].reason, Reason::Data);
}

#[test]
fn loops_over_rows_run_once_and_say_so() {
    let text = "for r in rows():\n    record('in', r.name)\n    break\nrecord('out')\n\
                x = [record(r) for r in rows()]\nrecord('end')\nfor r in rows():\n    fail()";
    let (world, raised) = run_with(&[], text, true);
    // without rows nothing fails
    assert!(raised.is_none());
    assert_eq!(world.gaps.len(), 1);
    assert_eq!(world.log, ["in \u{f8ff}", "out", "\u{f8ff}", "end"]);
    let data = Some(Reason::Data);
    assert_eq!(world.conditional, [data, None, data, None]);
}

#[test]
fn what_a_doubtful_loop_collects_may_be_nothing() {
    let text = "a, b, c = [], [0], {}\nfor r in rows():\n    a.append(r)\n    b.append(r)\n    c[r.key] = r\n    record('in', len(b))\n    for x in a:\n        record('same')\n\
                for x in sorted(a):\n    record('behind')\nfor x in b:\n    record('certain')\n    break\n\
                for k, v in c.items():\n    record('dict')\n    break\n[record('made') for x in [y for y in a]]\n\
                if a:\n    record('asked')\nrecord('end')";
    let (world, raised) = run_with(&[], text, true);
    assert!(raised.is_none());
    assert_eq!(
        world.log,
        [
            "in 2", "same", "behind", "certain", "dict", "made", "asked", "end"
        ]
    );
    let data = Some(Reason::Data);
    assert_eq!(
        world.conditional,
        [data, data, data, None, data, data, None, None]
    );
    assert_eq!(world.decided.len(), 1);
}

#[test]
fn what_libraries_make_of_a_class_is_no_error() {
    let text = "import enum, logging, pathlib, sys, uuid\nfrom elsewhere import hybrid_property\n\
        class Option(enum.Enum):\n    A = ('x', 1)\n    B = ('y', 2)\n    def __init__(self, name_, size):\n        self.label = name_\n        self.size = size\n\
        class Enum(Base):\n    def __init__(self, kind):\n        self.kind = kind\n\
        class Handler(logging.StreamHandler):\n    pass\n\
        class Thing:\n    @hybrid_property\n    def total(self):\n        return 1\n    @total.expression\n    def total(cls):\n        return 2\n\
        record(Option.A.label, Option.B.size, Enum(3).kind)\nHandler().setLevel(3)\n\
        record(len(uuid.uuid4().hex) > 1)\nrecord(sys.argv[0])\npathlib.Path(__file__).parents[3] / 'x'\n\
        __path__ = __path__ if '__path__' in dir() else []\nrecord('end')";
    let (world, raised) = run_with(&[], text, true);
    assert!(
        raised.is_none(),
        "{}",
        raised.map_or(String::new(), |raised| describe(&raised))
    );
    assert!(world.log.iter().any(|line| line == "x 2 3"));
    assert_eq!(world.log.last().map(String::as_str), Some("end"));
}

#[test]
fn holes_and_fresh_values_compare_as_they_must() {
    let text = "import uuid\nn = rows()\nrecord(uuid.uuid4() == uuid.uuid4(), f'ix_{n}' == 'uq_a', f'ix_{n}'.startswith('ix'))\n\
                if f'ix_{n}' == 'ix_a':\n    record('decided')\nrecord(f'a{n}b', 'x' in {'y': 1}, f'{uuid.uuid4()}')";
    let (world, raised) = run_with(&[], text, true);
    assert!(raised.is_none());
    assert_eq!(
        world.log,
        ["False False True", "decided", "a\u{f8ff}b False \u{f8fe}"]
    );
    assert_eq!(world.decided.len(), 1);
}

#[test]
fn project_modules_are_executed_when_first_used() {
    let modules = [
        (
            "app.a",
            "from world import record\nfrom app.b import y\nrecord('a runs')\nx = 1\ndef f():\n    return y",
        ),
        ("app.b", "import app.a\ny = 2\ndef g():\n    return app.a.x"),
        ("app.never", "from world import record\nrecord('never')"),
    ];
    let text = "from app.a import f, x\nfrom .b import g\nimport app.never as never\nrecord('start')\nrecord(f(), x, g())";
    let (world, raised) = run_with(&modules, text, true);
    assert!(
        raised.is_none(),
        "{}",
        raised.as_deref().map(describe).unwrap_or_default()
    );
    assert_eq!(world.log, ["start", "a runs", "2 1 1"]);
}

#[test]
fn an_endless_loop_whose_end_is_not_known_turns_once() {
    let text = "from world import rows\nwhile True:\n    found = rows()\n    if not found:\n        break\n    record('turn')\nrecord('after')";
    let (world, raised) = run_with(&[], text, true);
    assert!(raised.is_none());
    assert_eq!(world.log, ["turn", "after"]);
    let text = "from world import rows\nn = 0\nwhile n < 3:\n    n += 1\n    if rows():\n        record(n)";
    let (world, _) = run_with(&[], text, true);
    assert_eq!(world.log, ["1", "2", "3"]);
}

#[test]
fn bounds_end_the_run() {
    for text in [
        "while True:\n    pass",
        "def f():\n    f()\ntry:\n    f()\nexcept BaseException:\n    record('caught')",
        "x = 'a'\nwhile True:\n    x += x",
        "x = []\nfor i in range(10 ** 12):\n    x.append(i)",
        "x = 'a' * 10 ** 15",
        "x = 'a' * 3000000\nx.replace('a', x)",
        "x = []\nfor i in range(20000):\n    x.append('a' * 4000000)",
        "x = []\nfor i in range(20000):\n    x.append([0] * 200000)",
        "x = []\ny = []\nfor i in range(200):\n    x = [x, x]\n    y = [y, y]\nx == y\nx = 1",
    ] {
        let thread = std::thread::Builder::new().stack_size(32 << 20);
        let handle = thread.spawn(move || {
            let (world, raised) = run_with(&[], text, true);
            assert!(raised.expect("raised").bound, "{text}");
            assert!(
                world.log.is_empty() && world.gaps.len() == 1,
                "{text} {:?}",
                world.gaps
            );
        });
        handle.expect("thread").join().expect("no panic");
    }
}

#[test]
fn a_module_that_comes_to_no_end_is_known_as_far_as_it_was_read() {
    let module = "a = 1\ndef f():\n    f()\nf()\nb = 2";
    let (world, raised) = run_with(
        &[("endless", module)],
        "from endless import a, b\nrecord(a)\nrecord('after')",
        true,
    );
    assert!(raised.is_none());
    assert_eq!(world.log, ["1", "after"]);
    assert!(
        world
            .gaps
            .iter()
            .any(|gap| gap.contains("ends with a limit")),
        "{:?}",
        world.gaps
    );
}

#[test]
fn a_call_into_another_module_that_comes_to_no_end_leaves_what_follows() {
    let module = "def spin():\n    spin()";
    let text = "from endless import spin\nspin()\nrecord('after')";
    let (world, raised) = run_with(&[("endless", module)], text, true);
    assert!(raised.is_none());
    assert_eq!(world.log, ["after"]);
    assert_eq!(world.gaps.len(), 1);
}

#[test]
fn a_walk_down_something_unknown_ends() {
    let text = "from world import rows\n\
        def walk(value):\n    if isinstance(value, dict):\n        return {k: walk(v) for k, v in value.items()}\n    return [walk(v) for v in value]\n\
        walk(rows())\nrecord('after')";
    let (world, raised) = run_with(&[], text, true);
    assert!(raised.is_none());
    assert_eq!(world.log, ["after"]);
}

#[test]
fn a_walk_that_branches_at_something_unknown_ends() {
    let calls = "walk(v, names)".to_owned();
    let text = format!(
        "from world import rows\ndef walk(value, names):\n    for v in value:\n        x = [{}]\n    return names\n\
         walk(rows(), [])\nrecord('after')",
        vec![calls; 6].join(", ")
    );
    let (world, raised) = run_with(&[], &text, true);
    assert!(raised.is_none());
    assert_eq!(world.log, ["after"]);
}

#[test]
fn attributes_may_be_looked_up_by_the_class() {
    check(
        "class Proxy:\n    def __init__(self, inner):\n        object.__setattr__(self, '_inner', inner)\n    \
         def __getattribute__(self, name):\n        if name.startswith('_'):\n            return object.__getattribute__(self, name)\n        \
         return getattr(object.__getattribute__(self, '_inner'), name)\n\
         class Inner:\n    x = 1\n\
         record(Proxy(Inner()).x)\n\
         try:\n    Proxy(Inner()).y\nexcept AttributeError as e:\n    record(e)",
        &["1", "'Inner' object has no attribute 'y'"],
    );
}

#[test]
fn deep_and_long_input_is_bounded() {
    let deep = format!("x = {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let lists = format!("x = {}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let sums = format!("x = {}1\nrecord(x)", "1 + ".repeat(20_000));
    let long = format!(
        "x = [\n{}]\nrecord(len(x))",
        "    {'a': 1},\n".repeat(6_900)
    );
    let ifs = (0..400).fold(String::new(), |text, depth| {
        text + &" ".repeat(depth) + "if True:\n"
    });
    let thread = std::thread::Builder::new().stack_size(32 << 20);
    let handle = thread.spawn(move || {
        assert!(!syntax::parse(FileId(0), &lists).errors.is_empty());
        assert!(!syntax::parse(FileId(0), &ifs).errors.is_empty());
        assert!(syntax::parse(FileId(0), &deep).errors.is_empty());
        check(&sums, &["20001"]);
        check(&long, &["6900"]);
    });
    handle.expect("thread").join().expect("no panic");
}

#[test]
fn what_the_parser_would_follow_too_deep_is_not_parsed() {
    let told = |text: &str| {
        let module = syntax::parse(FileId(0), text);
        module.errors.first().map(|error| error.message.clone())
    };
    let deep = Some(crate::limits::Limit::Nesting.met());
    assert_eq!(told(&format!("x = {}", "[".repeat(60_000))), deep);
    assert_eq!(told(&format!("x = {}1", "1 + ".repeat(60_000))), deep);
    assert_eq!(told(&format!("x = a{}", "()".repeat(60_000))), deep);
    // neither long nor full of brackets is deep
    assert_eq!(told(&format!("x = [{}]", "(1), ".repeat(60_000))), None);
    assert_eq!(told(&format!("x = '{}'", "[ + ".repeat(60_000))), None);
    assert_eq!(told(&"x = 1 + 1\n".repeat(30_000)), None);
}

#[test]
fn places_of_headers_blocks_and_operands() {
    let text = "@a\n# b\n@c()\nasync def f(x=(1)) -> (int):\n    with (a as b, c):\n        pass  # d\n        # e\n    # f\n\n# g\n\
                x = (1 + 2) * 3\ny = sum(a for a in b)\n";
    let module = syntax::parse(FileId(0), text);
    let shown = |span: crate::source::Span| &text[span.range()];
    let function = &module.functions[0];
    assert_eq!(shown(function.header), "async def f(x=(1)) -> (int):");
    assert!(shown(function.span).ends_with("# f"));
    let syntax::FunctionBody::Block(block) = &function.body else {
        panic!("a block")
    };
    assert_eq!(shown(block[0].header), "with (a as b, c)");
    assert!(shown(block[0].span).ends_with("# e"));
    assert!(shown(module.body[0].span).starts_with("@a"));
    let sums = |expression: &&syntax::Expression| {
        matches!(expression.kind, syntax::ExpressionKind::Binary { .. })
    };
    let sums: Vec<_> = module.expressions.iter().filter(sums).collect();
    assert_eq!(shown(sums[0].span), "1 + 2");
    assert_eq!(shown(sums[1].span), "(1 + 2) * 3");
    let generated = module
        .expressions
        .iter()
        .find(|expression| matches!(expression.kind, syntax::ExpressionKind::Comprehension(_)));
    let generated = generated.expect("the generator");
    assert_eq!(shown(generated.span), "(a for a in b)");
}

#[test]
fn literals_keep_their_exact_place() {
    let text = "def upgrade():\n    x('SELECT é')\n    x('a\\n')\n    x(f'a')\n";
    let module = syntax::parse(FileId(0), text);
    let places: Vec<_> = module
        .expressions
        .iter()
        .filter_map(|expression| match &expression.kind {
            syntax::ExpressionKind::Str { literal, .. } => Some(*literal),
            _ => None,
        })
        .collect();
    assert_eq!(&text[places[0].expect("plain").range()], "SELECT é");
    assert_eq!(places[1], None);
}

#[test]
fn revision_identifiers_need_no_run() {
    let text = "base = 'b'\nrevision: str = 'a'\ndown_revision = ('x', \"y\")\nbranch_labels = None\ndepends_on = f()\nother = base\n";
    let module = syntax::parse(FileId(0), text);
    let constant = |name: &str| module.constant(name).map(|constant| constant.kind);
    assert_eq!(constant("revision"), Some(ConstantKind::Str("a".into())));
    assert_eq!(constant("branch_labels"), Some(ConstantKind::None));
    assert_eq!(constant("depends_on"), Some(ConstantKind::Other));
    assert_eq!(constant("other"), Some(ConstantKind::Str("b".into())));
    assert_eq!(constant("nothing"), None);
    let names: Vec<_> = module
        .constant("down_revision")
        .and_then(|constant| constant.strings())
        .expect("strings")
        .into_iter()
        .map(|(name, span)| (name.to_string(), text[span.range()].to_owned()))
        .collect();
    assert_eq!(
        names,
        [("x".into(), "'x'".into()), ("y".into(), "\"y\"".into())]
    );
}

#[test]
fn an_unknown_operand_is_the_value_of_its_or() {
    // a truth value would have no attribute `name`
    let text = "from elsewhere import known\ndef make():\n    return known.made\n\
        found = known.one or make()\nfound.name\nrecord('end')";
    let (world, raised) = run_with(&[], text, true);
    assert!(raised.is_none());
    assert_eq!(world.log, ["end"]);
}

#[test]
fn functions_behind_a_syntax_error_are_not_judged() {
    let text = "def first():\n    pass\n\ndef upgrade():\n    f(a\n\ndef downgrade():\n    g()\n";
    let module = syntax::parse(FileId(0), text);
    assert!(!module.errors.is_empty());
    let broken = |name: &str| {
        module
            .top_level_function(name)
            .is_none_or(|found| found.broken)
    };
    assert!(!broken("first"));
    assert!(broken("upgrade") && broken("downgrade"));
    assert!(!syntax::parse(FileId(0), "print 'x'\n").errors.is_empty());
}

#[test]
fn empty_functions_docstrings_and_comments() {
    let text = "def downgrade():\n    \"\"\"No way back.\"\"\"\n    pass  # lossy\n    # because\n\ndef other():\n    f()\n\ndef third():\n    raise NotImplementedError\n";
    let module = syntax::parse(FileId(0), text);
    let downgrade = module.top_level_function("downgrade").expect("there");
    assert!(module.is_empty_function(downgrade));
    assert_eq!(
        module.function_docstring(downgrade).expect("doc").0,
        "No way back."
    );
    let comments: Vec<&str> = module
        .comments_in(downgrade.span)
        .iter()
        .map(|comment| &*comment.text)
        .collect();
    assert_eq!(comments, ["# lossy", "# because"]);
    assert_eq!(&text[downgrade.name_span.range()], "downgrade");
    let other = module.top_level_function("other").expect("there");
    assert!(!module.is_empty_function(other) && module.comments_in(other.span).is_empty());
    assert!(module.starts_with_raise(module.top_level_function("third").expect("there")));
}

#[test]
fn sites_are_those_of_simple_statements_and_headers() {
    let text = "def helper():\n    if True:\n        record('x')\nwith block:\n    helper()\n";
    let (world, raised) = run_with(&[], text, true);
    assert!(raised.is_none());
    let full = format!("from world import record, block, rows, fail, Base, Failure\n{text}");
    let sites: Vec<&str> = world.sites[0]
        .iter()
        .map(|site| &full[site.span.range()])
        .collect();
    assert_eq!(sites, ["record('x')", "helper()"]);
}

#[test]
fn new_makes_the_instance() {
    check(
        "from world import record\n\
         class Single:\n    made = None\n    path = None\n\
         \x20   def __new__(cls, *args):\n\
         \x20       if cls.made is None:\n            cls.made = super().__new__(cls)\n            cls.made.path = 'p'\n\
         \x20       return cls.made\n\
         \x20   def __init__(self, *args):\n        self.given = args\n\
         class Under(Single):\n    def __new__(cls, *args):\n        return super().__new__(cls)\n\
         record(Single(1).path, Single() is Single(2), Single(3).given)\n\
         record(Under().path)\n",
        &["p True (3,)", "p"],
    );
}

#[test]
fn what_an_application_has_loaded_is_not_known() {
    let text = "import sys\nfrom world import record\n\
        record(1)\nif sys.modules['__main__'].__package__ == 'app':\n    record(2)\n";
    let (world, raised) = run_with(&[], text, true);
    assert!(raised.is_none());
    assert_eq!(world.log, ["1", "2"]);
    assert_eq!(world.decided.len(), 1);
}

#[test]
fn what_was_put_in_the_search_path_is_found_there() {
    let text = "import sys\nsys.path.append('here')\ndel sys.path[sys.path.index('here')]\n\
        record(str('here' in sys.path))";
    let (world, raised) = run_with(&[], text, true);
    assert!(raised.is_none());
    assert_eq!(world.log, ["False"]);
}
