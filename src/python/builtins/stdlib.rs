//! Python's own modules: which there are, and what their names mean.

use std::rc::Rc;
use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use super::exceptions::{class, exception};
use crate::python::host::Host;
use crate::python::interpreter::{Interpreter, instance};
use crate::python::value::{Module, Scope, Value};
use crate::unknown::{Reason, Unknown};

/// Modules of the standard library that migrations and applications import; of those without names here all attributes
/// are unknown.
const MODULES: &[&str] = &[
    "__future__",
    "abc",
    "argparse",
    "array",
    "ast",
    "asyncio",
    "atexit",
    "base64",
    "binascii",
    "bisect",
    "builtins",
    "calendar",
    "codecs",
    "collections",
    "collections.abc",
    "concurrent",
    "concurrent.futures",
    "configparser",
    "contextlib",
    "contextvars",
    "copy",
    "csv",
    "ctypes",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "email",
    "enum",
    "errno",
    "faulthandler",
    "fnmatch",
    "fractions",
    "functools",
    "gc",
    "getpass",
    "gettext",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "http",
    "http.client",
    "imp",
    "importlib",
    "importlib.machinery",
    "importlib.metadata",
    "importlib.resources",
    "importlib.util",
    "inspect",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "locale",
    "logging",
    "logging.config",
    "logging.handlers",
    "math",
    "mimetypes",
    "multiprocessing",
    "numbers",
    "operator",
    "os",
    "os.path",
    "pathlib",
    "pickle",
    "pkgutil",
    "platform",
    "pprint",
    "queue",
    "random",
    "re",
    "runpy",
    "secrets",
    "select",
    "selectors",
    "shlex",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "sqlite3",
    "ssl",
    "stat",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "sys",
    "sysconfig",
    "tarfile",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "tokenize",
    "tomllib",
    "traceback",
    "types",
    "typing",
    "typing_extensions",
    "unicodedata",
    "unittest",
    "unittest.mock",
    "urllib",
    "urllib.parse",
    "urllib.request",
    "uuid",
    "warnings",
    "weakref",
    "xml",
    "zipfile",
    "zlib",
    "zoneinfo",
];

/// Functions and types that Python code names without an import.
const BUILTINS: &[&str] = &[
    "abs",
    "all",
    "any",
    "bool",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "complex",
    "delattr",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "locals",
    "map",
    "max",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
    "bin",
    "ascii",
    "__import__",
    "exec",
    "eval",
    "memoryview",
    "aiter",
    "anext",
    "breakpoint",
    "compile",
    "exit",
    "quit",
];

/// Functions and types of the modules, by qualified name.
const NAMES: &[&str] = &[
    "abc.ABC",
    "abc.ABCMeta",
    "abc.abstractmethod",
    "abc.abstractproperty",
    "asyncio.run",
    "asyncio.sleep",
    "asyncio.gather",
    "asyncio.get_event_loop",
    "base64.b64encode",
    "base64.b64decode",
    "base64.urlsafe_b64encode",
    "base64.urlsafe_b64decode",
    "binascii.hexlify",
    "collections.ChainMap",
    "collections.Counter",
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.deque",
    "collections.namedtuple",
    "contextlib.ExitStack",
    "contextlib.closing",
    "contextlib.contextmanager",
    "contextlib.asynccontextmanager",
    "contextlib.nullcontext",
    "contextlib.suppress",
    "copy.copy",
    "copy.deepcopy",
    "csv.DictReader",
    "csv.reader",
    "dataclasses.asdict",
    "dataclasses.astuple",
    "dataclasses.dataclass",
    "dataclasses.field",
    "dataclasses.replace",
    "datetime.date",
    "datetime.date.today",
    "datetime.date.fromisoformat",
    "datetime.datetime",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.datetime.fromisoformat",
    "datetime.datetime.fromtimestamp",
    "datetime.datetime.utcfromtimestamp",
    "datetime.datetime.strptime",
    "datetime.datetime.combine",
    "datetime.time",
    "datetime.timedelta",
    "datetime.timezone",
    "datetime.timezone.utc",
    "datetime.UTC",
    "datetime.tzinfo",
    "decimal.Decimal",
    "dict.fromkeys",
    "enum.auto",
    "enum.unique",
    "functools.cache",
    "functools.cached_property",
    "functools.lru_cache",
    "functools.partial",
    "functools.reduce",
    "functools.total_ordering",
    "functools.wraps",
    "functools.singledispatch",
    "hashlib.md5",
    "hashlib.new",
    "hashlib.sha1",
    "hashlib.sha256",
    "hashlib.sha512",
    "imp.load_source",
    "importlib.import_module",
    "importlib.machinery.SourceFileLoader",
    "importlib.resources.as_file",
    "importlib.resources.files",
    "importlib.resources.open_binary",
    "importlib.resources.open_text",
    "importlib.resources.path",
    "importlib.resources.read_binary",
    "importlib.resources.read_text",
    "importlib.util.module_from_spec",
    "importlib.util.spec_from_file_location",
    "io.BytesIO",
    "io.StringIO",
    "itertools.accumulate",
    "itertools.chain",
    "itertools.chain.from_iterable",
    "itertools.combinations",
    "itertools.count",
    "itertools.groupby",
    "itertools.islice",
    "itertools.permutations",
    "itertools.product",
    "itertools.repeat",
    "itertools.starmap",
    "itertools.takewhile",
    "itertools.dropwhile",
    "itertools.zip_longest",
    "itertools.pairwise",
    "itertools.cycle",
    "itertools.batched",
    "itertools.filterfalse",
    "json.dumps",
    "json.load",
    "json.loads",
    "math.ceil",
    "math.floor",
    "math.log",
    "math.log2",
    "math.log10",
    "math.pow",
    "math.sqrt",
    "math.trunc",
    "math.isnan",
    "math.prod",
    "math.gcd",
    "operator.attrgetter",
    "operator.itemgetter",
    "operator.methodcaller",
    "operator.add",
    "operator.mul",
    "operator.or_",
    "glob.glob",
    "glob.iglob",
    "operator.and_",
    "operator.eq",
    "operator.not_",
    "os.fspath",
    "os.getcwd",
    "os.getenv",
    "os.getpid",
    "os.listdir",
    "os.linesep",
    "os.path.abspath",
    "os.path.basename",
    "os.path.dirname",
    "os.path.exists",
    "os.path.expanduser",
    "os.path.isfile",
    "os.path.isdir",
    "os.path.join",
    "os.path.normpath",
    "os.path.realpath",
    "os.path.relpath",
    "os.path.split",
    "os.path.splitext",
    "os.urandom",
    "pathlib.Path",
    "pathlib.Path.cwd",
    "pathlib.PurePath",
    "pathlib.PosixPath",
    "pkgutil.get_data",
    "random.choice",
    "random.randint",
    "random.random",
    "random.randrange",
    "random.sample",
    "random.shuffle",
    "random.uniform",
    "random.seed",
    "random.choices",
    "re.compile",
    "re.escape",
    "re.findall",
    "re.finditer",
    "re.fullmatch",
    "re.match",
    "re.search",
    "re.split",
    "re.sub",
    "re.subn",
    "runpy.run_path",
    "secrets.choice",
    "secrets.randbelow",
    "secrets.token_bytes",
    "secrets.token_hex",
    "secrets.token_urlsafe",
    "string.Template",
    "str.join",
    "str.lower",
    "str.upper",
    "str.strip",
    "str.maketrans",
    "str.format",
    "int.from_bytes",
    "bytes.fromhex",
    "object.__getattribute__",
    "object.__setattr__",
    "object.__new__",
    "sys.exit",
    "sys.getsizeof",
    "sys.intern",
    "textwrap.dedent",
    "textwrap.fill",
    "textwrap.indent",
    "textwrap.shorten",
    "textwrap.wrap",
    "time.monotonic",
    "time.perf_counter",
    "time.sleep",
    "time.strftime",
    "time.time",
    "time.time_ns",
    "types.MappingProxyType",
    "types.ModuleType",
    "types.SimpleNamespace",
    "types.MethodType",
    "types.FunctionType",
    "typing.NewType",
    "typing.ParamSpec",
    "typing.TypeVar",
    "typing.cast",
    "typing.get_args",
    "typing.get_type_hints",
    "typing.overload",
    "typing.runtime_checkable",
    "typing.final",
    "typing.override",
    "typing.no_type_check",
    "unicodedata.normalize",
    "urllib.parse.quote",
    "urllib.parse.quote_plus",
    "uuid.UUID",
    "uuid.uuid1",
    "uuid.uuid3",
    "uuid.uuid4",
    "uuid.uuid5",
    "uuid.uuid6",
    "uuid.uuid7",
    "zoneinfo.ZoneInfo",
    "_identity",
    "_nothing",
    "_decorator",
];

static QUALIFIED: LazyLock<FxHashSet<&'static str>> =
    LazyLock::new(|| NAMES.iter().chain(BUILTINS).copied().collect());

static MODULE_SET: LazyLock<FxHashSet<&'static str>> =
    LazyLock::new(|| MODULES.iter().copied().collect());

static BUILTIN_SET: LazyLock<FxHashSet<&'static str>> =
    LazyLock::new(|| BUILTINS.iter().copied().collect());

/// A function or type by its qualified name.
pub(crate) fn qualified(name: &str) -> Option<Value> {
    QUALIFIED.get(name).map(|name| Value::Builtin(name))
}

/// A name that needs no import.
pub(crate) fn lookup(name: &str) -> Option<Value> {
    if let Some(name) = BUILTIN_SET.get(name) {
        return Some(Value::Builtin(name));
    }
    match name {
        "NotImplemented" => return Some(Value::Ellipsis),
        "__debug__" => return Some(Value::Bool(true)),
        _ => {}
    }
    exception(name)
}

/// Whether a dotted name is a module of Python's own.
pub(crate) fn is_module(name: &str) -> bool {
    MODULE_SET.contains(name)
}

/// A module of Python's own.
pub(crate) fn module(name: &str) -> Value {
    Value::Module(Rc::new(Module {
        name: name.into(),
        file: None,
        scope: Rc::new(Scope::default()),
    }))
}

/// Something whose use has no effect on a database: loggers, warnings.
pub(crate) fn harmless() -> Value {
    instance(&class("_Harmless"), Vec::new())
}

/// A name of a module of Python's own; `None`: the module is not Python's.
pub(crate) fn attribute<H: Host>(
    interpreter: &mut Interpreter<H>,
    module_name: &str,
    name: &str,
) -> Option<Value> {
    if !is_module(module_name) || matches!(name, "__name__" | "__dict__") {
        return None;
    }
    let full = format!("{module_name}.{name}");
    if let Some(found) = qualified(&full) {
        return Some(found);
    }
    if is_module(&full) {
        return Some(module(&full));
    }
    let word = |text: &str| Some(Value::str(text));
    match (module_name, name) {
        ("builtins", _) => return lookup(name),
        ("enum", "Enum" | "IntEnum" | "StrEnum" | "Flag" | "IntFlag")
        | ("typing" | "typing_extensions", "NamedTuple") => {
            return Some(Value::Class(class(name)));
        }
        ("typing" | "typing_extensions" | "types" | "collections.abc" | "numbers", _) => {
            return Some(match name {
                "TYPE_CHECKING" => Value::Bool(false),
                "Dict" | "Mapping" | "MutableMapping" => Value::Builtin("dict"),
                "List" => Value::Builtin("list"),
                "Tuple" => Value::Builtin("tuple"),
                "Set" => Value::Builtin("set"),
                "Protocol" | "Generic" | "TypedDict" => Value::Builtin("object"),
                "NoneType" => Value::Builtin("_NoneType"),
                _ => match qualified(&format!("typing.{name}")) {
                    Some(found) => found,
                    None => instance(&class("_Type"), vec![("name", Value::str(name))]),
                },
            });
        }
        ("abc", _) => return Some(Value::Builtin("object")),
        ("logging", "DEBUG") => return Some(Value::Int(10)),
        ("logging", "INFO") => return Some(Value::Int(20)),
        ("logging", "WARNING" | "WARN") => return Some(Value::Int(30)),
        ("logging", "ERROR") => return Some(Value::Int(40)),
        ("logging", "CRITICAL" | "FATAL") => return Some(Value::Int(50)),
        (
            "logging" | "logging.config" | "logging.handlers" | "warnings" | "traceback" | "gc"
            | "pprint" | "faulthandler" | "__future__" | "atexit" | "locale" | "gettext",
            _,
        ) => return Some(harmless()),
        ("sys", "version_info") => {
            return Some(Value::tuple(vec![
                Value::Int(3),
                Value::Int(12),
                Value::Int(0),
                Value::str("final"),
                Value::Int(0),
            ]));
        }
        // one list, since what a program puts in it is looked for and taken out again
        ("sys", "path") => {
            let path = &mut interpreter.state.search_path;
            // the first is where the command was given
            let first = || Value::list(vec![Value::str("")]);
            return Some(path.get_or_insert_with(first).clone());
        }
        // with what words the command was given is not known
        ("sys", "argv") => {
            return Some(Value::unknown(Unknown::new(
                Reason::Environment,
                "sys.argv",
            )));
        }
        // which modules an application has loaded, and which one was started, is not known
        ("sys", "modules") => {
            return Some(Value::unknown(Unknown::new(
                Reason::Environment,
                "sys.modules",
            )));
        }
        ("sys", "platform") => return word("linux"),
        ("sys", "maxsize") => return Some(Value::Int(i64::MAX)),
        ("sys", "stdout" | "stderr") => return Some(harmless()),
        ("os", "environ") => {
            return Some(instance(&class("_Environment"), Vec::new()));
        }
        ("os", "sep") => return word("/"),
        ("os", "linesep") => return word("\n"),
        ("os", "name") => return word("posix"),
        ("os", "pardir") => return word(".."),
        ("os", "curdir") => return word("."),
        ("string", "ascii_letters") => {
            return word("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        }
        ("string", "ascii_lowercase") => return word("abcdefghijklmnopqrstuvwxyz"),
        ("string", "ascii_uppercase") => return word("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("string", "digits") => return word("0123456789"),
        ("string", "hexdigits") => return word("0123456789abcdefABCDEF"),
        ("string", "punctuation") => return word("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        ("string", "whitespace") => return word(" \t\n\r\u{b}\u{c}"),
        ("math", "pi") => return Some(Value::Float(std::f64::consts::PI)),
        ("math", "e") => return Some(Value::Float(std::f64::consts::E)),
        ("math", "inf") => return Some(Value::Float(f64::INFINITY)),
        ("math", "nan") => return Some(Value::Float(f64::NAN)),
        ("math", "tau") => return Some(Value::Float(std::f64::consts::TAU)),
        ("re", "error" | "PatternError") => return Some(Value::Class(class("PatternError"))),
        ("re", _) => {
            let flag = match name {
                "IGNORECASE" | "I" => 2,
                "MULTILINE" | "M" => 8,
                "DOTALL" | "S" => 16,
                "UNICODE" | "U" => 32,
                "VERBOSE" | "X" => 64,
                "ASCII" | "A" => 256,
                _ => 0,
            };
            if flag != 0 {
                return Some(Value::Int(flag));
            }
        }
        ("uuid", "NAMESPACE_DNS" | "NAMESPACE_URL" | "NAMESPACE_OID" | "NAMESPACE_X500") => {
            let digit = match name {
                "NAMESPACE_DNS" => '0',
                "NAMESPACE_URL" => '1',
                "NAMESPACE_OID" => '2',
                _ => '4',
            };
            return Some(super::digests::uuid_value(&format!(
                "6ba7b81{digit}-9dad-11d1-80b4-00c04fd430c8"
            )));
        }
        ("json" | "json.decoder", "JSONDecodeError") => {
            return Some(Value::Class(class("JSONDecodeError")));
        }
        ("decimal", "InvalidOperation") => return Some(Value::Class(class("InvalidOperation"))),
        ("binascii", "Error") => return Some(Value::Class(class("BinasciiError"))),
        ("asyncio" | "socket" | "concurrent.futures", "TimeoutError") => {
            return Some(Value::Class(class("TimeoutError")));
        }
        _ => {}
    }
    let unknown = Unknown::new(
        match module_name {
            "platform" | "socket" => Reason::Environment,
            // what another database holds
            "sqlite3" => Reason::Data,
            _ => Reason::Unsupported,
        },
        full,
    );
    let _ = interpreter;
    Some(Value::unknown(unknown))
}
