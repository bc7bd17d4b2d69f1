//! What a revision imports of the application: static, from the import statements and the modules that they lead to.
//!
//! In: a revision's module, the project's modules, the folders of the migrations. Out: the imports that lead to models,
//! settings, enumerations or code of the application. Helpers of the migrations themselves are none: modules in the
//! migrations' own folder, modules that work with Alembic, and modules that stand on nothing of the application (column
//! types, say).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use smol_str::SmolStr;

use super::uses::Uses;
use crate::python::interpreter::Modules;
use crate::python::syntax::{
    Argument, Block, ClassDefinition, ExpressionId, ExpressionKind, FunctionBody, ImportedName,
    Module, Statement, StatementKind,
};
use crate::source::{FileId, Site};

/// How many modules a look into what a module stands on may load.
const MAX_CLOSURE: usize = 60;

/// How many re-exports are followed.
const MAX_HOPS: usize = 6;

/// What an import leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImportKind {
    /// A mapped class, or a module of them.
    Model,
    /// Settings: what is read from the environment.
    Setting,
    /// A Python enumeration: its members change.
    Enumeration,
    /// Functions and classes that stand on the application.
    Code,
    /// A value that is written down in the application: a constant, the name of a model's table.
    Constant,
    /// Whatever it is: nothing uses it.
    Unused,
}

/// An import of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationImport {
    /// The import statement.
    pub site: Site,
    /// The module, dotted.
    pub module: String,
    /// The name that is taken from it; `None`: the module itself.
    pub name: Option<SmolStr>,
    /// What it leads to.
    pub kind: ImportKind,
}

/// Looks at the imports of revisions; remembers what it knows of modules.
pub struct Imports<'a> {
    modules: &'a dyn Modules,
    /// Folders of the migrations.
    own: Vec<Utf8PathBuf>,
    known: BTreeMap<FileId, Option<ImportKind>>,
}

impl<'a> Imports<'a> {
    /// A look at a project's modules; `own` are the folders of its migrations.
    pub fn new(modules: &'a dyn Modules, own: Vec<Utf8PathBuf>) -> Self {
        Self {
            modules,
            own,
            known: BTreeMap::new(),
        }
    }

    /// The application's parts that a revision imports, in the order of its text.
    pub fn of(&mut self, revision: &Module) -> Vec<ApplicationImport> {
        let mut statements = Vec::new();
        collect(revision, &revision.body, &mut statements);
        let mut found = Vec::new();
        for statement in statements {
            let site = Site {
                file: revision.file,
                span: statement.span,
            };
            for taken in taken(self.modules, revision.file, &statement.kind) {
                let Taken {
                    module,
                    name,
                    bound,
                } = taken;
                let Some(target) = self.defining(&module, name.as_deref(), revision.file) else {
                    continue;
                };
                let uses = Uses::of(revision, &bound);
                if let Some((kind, used)) = self.kind(target, &uses) {
                    // what `import *` binds is used by names that are not looked for
                    let unused = uses.is_none() && !bound.is_empty();
                    let kind = if unused { ImportKind::Unused } else { kind };
                    found.push(ApplicationImport {
                        site,
                        module,
                        name: name.or(used),
                        kind,
                    });
                }
            }
        }
        found
    }

    /// What a name of a module leads to as it is used, if that is the application; of a module, the name that is used and
    /// leads to it.
    fn kind(
        &mut self,
        (module, name): (Arc<Module>, Option<SmolStr>),
        uses: &Uses,
    ) -> Option<(ImportKind, Option<SmolStr>)> {
        if self.is_own(&module) || works_with_alembic(&module) {
            return None;
        }
        let Some(name) = name else {
            if uses.bare || uses.is_none() {
                return Some((self.module_kind(&module)?, None));
            }
            // of a module, what is taken from it counts
            let parts: Vec<(ImportKind, Option<SmolStr>)> = uses
                .attributes
                .iter()
                .filter_map(|part| {
                    let kind = self.kind_in(&module, part, &Uses::default())?;
                    Some((kind, Some(part.clone())))
                })
                .collect();
            return parts.into_iter().min();
        };
        Some((self.kind_in(&module, &name, uses)?, None))
    }

    /// What a name that a module defines is to a revision that uses it so.
    fn kind_in(&mut self, module: &Module, name: &str, uses: &Uses) -> Option<ImportKind> {
        let application = self.module_kind(module);
        for statement in &module.body {
            match &statement.kind {
                StatementKind::Class(class) if class.name == name => {
                    return match class_kind(module, class) {
                        Some(Class::Model) if uses.only(is_name_of_table) => {
                            Some(ImportKind::Constant)
                        }
                        Some(Class::Model) => Some(ImportKind::Model),
                        Some(Class::Setting) => Some(ImportKind::Setting),
                        // one member is no list of them
                        Some(Class::Enumeration) if uses.only(|part| part != "__members__") => {
                            Some(ImportKind::Code)
                        }
                        Some(Class::Enumeration) => Some(ImportKind::Enumeration),
                        Some(Class::ColumnType) => None,
                        None => application.map(|_| ImportKind::Code),
                    };
                }
                StatementKind::Assign { targets, value }
                    if targets.iter().any(|target| is_name(module, *target, name)) =>
                {
                    return application.map(|of| value_kind(module, *value, of, uses));
                }
                StatementKind::AnnotatedAssign {
                    target,
                    value: Some(value),
                    ..
                } if is_name(module, *target, name) => {
                    return application.map(|of| value_kind(module, *value, of, uses));
                }
                _ => {}
            }
        }
        application.map(|_| ImportKind::Code)
    }

    /// The module that defines a name: packages hand names of their modules on.
    fn defining(
        &self,
        module: &str,
        name: Option<&str>,
        from: FileId,
    ) -> Option<(Arc<Module>, Option<SmolStr>)> {
        let mut module_name = module.to_owned();
        let mut name = name.map(SmolStr::new);
        let mut from = from;
        for _ in 0..MAX_HOPS {
            let Some(wanted) = name.clone() else {
                return Some((self.modules.find(&module_name, from)?, None));
            };
            let found = self.modules.find(&module_name, from);
            let next = found
                .as_ref()
                .and_then(|found| handed_on(self.modules, found, &wanted));
            if let Some((next_module, next_name)) = next {
                from = found.as_ref().map_or(from, |found| found.file);
                module_name = next_module;
                name = next_name;
                continue;
            }
            if found.as_ref().is_none_or(|found| !defines(found, &wanted))
                && let Some(submodule) = self.modules.find(&format!("{module_name}.{wanted}"), from)
            {
                return Some((submodule, None));
            }
            return found.map(|found| (found, Some(wanted)));
        }
        None
    }

    fn is_own(&self, module: &Module) -> bool {
        let path = self.modules.path_of(module.file);
        self.own
            .iter()
            .any(|folder| Utf8Path::new(&path).starts_with(folder))
    }

    /// What a module is to a revision: of the application if it defines models, settings or enumerations, or stands on a
    /// module that does.
    fn module_kind(&mut self, module: &Module) -> Option<ImportKind> {
        if let Some(known) = self.known.get(&module.file) {
            return *known;
        }
        let kind = defined_kind(module).or_else(|| {
            self.stands_on_application(module)
                .then_some(ImportKind::Code)
        });
        self.known.insert(module.file, kind);
        kind
    }

    fn stands_on_application(&self, module: &Module) -> bool {
        let mut seen = BTreeSet::from([module.file]);
        let mut waiting: Vec<Arc<Module>> = self.imported(module);
        while let Some(next) = waiting.pop() {
            if !seen.insert(next.file) || self.is_own(&next) {
                continue;
            }
            if defined_kind(&next).is_some() || seen.len() > MAX_CLOSURE {
                return true;
            }
            waiting.extend(self.imported(&next));
        }
        false
    }

    /// The project's modules that a module imports when it is loaded.
    fn imported(&self, module: &Module) -> Vec<Arc<Module>> {
        module
            .body
            .iter()
            .flat_map(|statement| taken(self.modules, module.file, &statement.kind))
            .filter_map(
                |Taken {
                     module: name,
                     name: imported,
                     ..
                 }| {
                    imported
                        .and_then(|imported| {
                            self.modules
                                .find(&format!("{name}.{imported}"), module.file)
                        })
                        .or_else(|| self.modules.find(&name, module.file))
                },
            )
            .collect()
    }
}

/// All import statements of a block and what is in it; those for type checkers only are none.
fn collect<'a>(module: &'a Module, block: &'a Block, found: &mut Vec<&'a Statement>) {
    for statement in block {
        match &statement.kind {
            StatementKind::Import(_) | StatementKind::FromImport { .. } => found.push(statement),
            StatementKind::If {
                branches,
                otherwise,
            } => {
                for (condition, body) in branches {
                    let checking = match &module.expression(*condition).kind {
                        ExpressionKind::Name(name) | ExpressionKind::Attribute { name, .. } => {
                            name == "TYPE_CHECKING"
                        }
                        _ => false,
                    };
                    if !checking {
                        collect(module, body, found);
                    }
                }
                collect(module, otherwise, found);
            }
            StatementKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                collect(module, body, found);
                for handler in handlers {
                    collect(module, &handler.body, found);
                }
                collect(module, otherwise, found);
                collect(module, finally, found);
            }
            StatementKind::With { body, .. } => collect(module, body, found),
            StatementKind::For {
                body, otherwise, ..
            }
            | StatementKind::While {
                body, otherwise, ..
            } => {
                collect(module, body, found);
                collect(module, otherwise, found);
            }
            StatementKind::Function { function, .. } => {
                if let FunctionBody::Block(body) = &module.function(*function).body {
                    collect(module, body, found);
                }
            }
            _ => {}
        }
    }
}

/// What an import statement takes from where.
struct Taken {
    module: String,
    /// `None`: the module itself.
    name: Option<SmolStr>,
    /// Under which name the importing module has it; dotted for `import app.models`.
    bound: SmolStr,
}

/// What an import statement asks for.
fn taken(modules: &dyn Modules, from: FileId, kind: &StatementKind) -> Vec<Taken> {
    match kind {
        StatementKind::Import(imported) => imported
            .iter()
            .map(|imported| Taken {
                module: imported.module.to_string(),
                name: None,
                bound: imported.alias.clone().unwrap_or(imported.module.clone()),
            })
            .collect(),
        StatementKind::FromImport {
            level,
            module,
            names,
            star,
        } => {
            let Some(module) = absolute(modules, from, *level, module) else {
                return Vec::new();
            };
            if *star {
                return vec![Taken {
                    module,
                    name: None,
                    bound: SmolStr::default(),
                }];
            }
            names
                .iter()
                .map(|ImportedName { name, alias, .. }| Taken {
                    module: module.clone(),
                    name: Some(name.clone()),
                    bound: alias.clone().unwrap_or(name.clone()),
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The dotted name of a module that is named relative to a file's package.
fn absolute(modules: &dyn Modules, from: FileId, level: u32, module: &str) -> Option<String> {
    if level == 0 {
        return Some(module.to_owned());
    }
    let package = modules.package_of(from)?;
    let mut parts: Vec<&str> = package.split('.').collect();
    for _ in 1..level {
        parts.pop()?;
    }
    parts.extend((!module.is_empty()).then_some(module));
    Some(parts.join("."))
}

/// The module and name that a name of a package is imported from, if it is.
fn handed_on(
    modules: &dyn Modules,
    module: &Module,
    wanted: &str,
) -> Option<(String, Option<SmolStr>)> {
    module.body.iter().find_map(|statement| {
        let StatementKind::FromImport {
            level,
            module: source,
            names,
            ..
        } = &statement.kind
        else {
            return None;
        };
        let taken = names
            .iter()
            .find(|name| name.alias.as_ref().unwrap_or(&name.name) == wanted)?;
        let source = absolute(modules, module.file, *level, source)?;
        Some((source, Some(taken.name.clone())))
    })
}

/// Whether a module defines a name at its top level.
fn defines(module: &Module, wanted: &str) -> bool {
    module.constant(wanted).is_some()
        || module.top_level_function(wanted).is_some()
        || module
            .body
            .iter()
            .any(|statement| matches!(&statement.kind, StatementKind::Class(class) if class.name == wanted))
}

/// A module that imports Alembic is made for migrations.
fn works_with_alembic(module: &Module) -> bool {
    let alembic = |name: &str| name == "alembic" || name.starts_with("alembic.");
    module.body.iter().any(|statement| match &statement.kind {
        StatementKind::Import(imported) => {
            imported.iter().any(|imported| alembic(&imported.module))
        }
        StatementKind::FromImport {
            level: 0, module, ..
        } => alembic(module),
        _ => false,
    })
}

/// What a class is, where its definition tells.
enum Class {
    Model,
    Setting,
    Enumeration,
    ColumnType,
}

fn class_kind(module: &Module, class: &ClassDefinition) -> Option<Class> {
    let mapped = class.body.iter().any(|statement| {
        let target = match &statement.kind {
            StatementKind::Assign { targets, .. } => targets.first(),
            StatementKind::AnnotatedAssign { target, .. } => Some(target),
            _ => None,
        };
        target.is_some_and(|target| {
            matches!(&module.expression(*target).kind, ExpressionKind::Name(name)
                if name == "__tablename__" || name == "__table__")
        })
    });
    if mapped {
        return Some(Class::Model);
    }
    let reads_environment = class.body.iter().any(|statement| match &statement.kind {
        StatementKind::Assign { value, .. }
        | StatementKind::AnnotatedAssign {
            value: Some(value), ..
        } => assigned_kind(module, *value) == Some(ImportKind::Setting),
        _ => false,
    });
    if reads_environment {
        return Some(Class::Setting);
    }
    class.bases.iter().find_map(|base| {
        let Argument::Positional(base) = base else {
            return None;
        };
        // `TypeDecorator[uuid.UUID]`
        let base = match &module.expression(*base).kind {
            ExpressionKind::Subscript { value, .. } => value,
            _ => base,
        };
        let (ExpressionKind::Name(name) | ExpressionKind::Attribute { name, .. }) =
            &module.expression(*base).kind
        else {
            return None;
        };
        match name.as_str() {
            "DeclarativeBase" | "SQLModel" | "Model" => Some(Class::Model),
            "Enum" | "StrEnum" | "IntEnum" | "Flag" | "IntFlag" => Some(Class::Enumeration),
            "BaseSettings" => Some(Class::Setting),
            "TypeDecorator" | "UserDefinedType" | "TypeEngine" => Some(Class::ColumnType),
            _ => None,
        }
    })
}

/// The attributes of a model that say what its table is called.
fn is_name_of_table(attribute: &str) -> bool {
    matches!(
        attribute,
        "__tablename__" | "__table_args__" | "__name__" | "__doc__"
    )
}

fn is_name(module: &Module, id: ExpressionId, wanted: &str) -> bool {
    matches!(&module.expression(id).kind, ExpressionKind::Name(name) if name == wanted)
}

/// What a value is that a module of the application gives a name.
fn value_kind(module: &Module, value: ExpressionId, of: ImportKind, uses: &Uses) -> ImportKind {
    match assigned_kind(module, value) {
        // a base of models makes all their tables; else it is a base for the revision's own, or a session
        Some(ImportKind::Model) => {
            let makes_tables = |name: &SmolStr| {
                matches!(
                    name.as_str(),
                    "metadata" | "create_all" | "drop_all" | "registry"
                )
            };
            if uses.is_none() || uses.attributes.iter().any(makes_tables) {
                ImportKind::Model
            } else {
                ImportKind::Code
            }
        }
        Some(kind) => kind,
        None => match &module.expression(value).kind {
            ExpressionKind::Call { .. } if of == ImportKind::Setting => ImportKind::Setting,
            _ => ImportKind::Constant,
        },
    }
}

/// What a module defines itself: models before settings before enumerations.
fn defined_kind(module: &Module) -> Option<ImportKind> {
    let mut kinds = BTreeSet::new();
    for statement in &module.body {
        match &statement.kind {
            StatementKind::Class(class) => {
                kinds.extend(match class_kind(module, class) {
                    Some(Class::Model) => Some(ImportKind::Model),
                    Some(Class::Setting) => Some(ImportKind::Setting),
                    Some(Class::Enumeration) => Some(ImportKind::Enumeration),
                    Some(Class::ColumnType) | None => None,
                });
            }
            StatementKind::Assign { value, .. } => {
                kinds.extend(assigned_kind(module, *value));
            }
            StatementKind::AnnotatedAssign {
                value: Some(value), ..
            } => {
                kinds.extend(assigned_kind(module, *value));
            }
            _ => {}
        }
    }
    kinds.into_iter().next()
}

/// `Base = declarative_base()`, `db = SQLAlchemy()`, and what is read from the environment.
fn assigned_kind(module: &Module, value: ExpressionId) -> Option<ImportKind> {
    let last = |id| match &module.expression(id).kind {
        ExpressionKind::Name(name) => Some((name.clone(), None)),
        ExpressionKind::Attribute { value, name } => Some((name.clone(), Some(*value))),
        _ => None,
    };
    match &module.expression(value).kind {
        ExpressionKind::Call { callee, arguments } => {
            let (name, of) = last(*callee)?;
            match name.as_str() {
                "declarative_base" | "SQLAlchemy" | "automap_base" => Some(ImportKind::Model),
                "getenv" => Some(ImportKind::Setting),
                "get" if of.and_then(last).is_some_and(|(name, _)| name == "environ") => {
                    Some(ImportKind::Setting)
                }
                // `int(os.environ["SIZE"])`
                "int" | "float" | "bool" | "str" if of.is_none() => match arguments.as_slice() {
                    [Argument::Positional(only)] => assigned_kind(module, *only),
                    _ => None,
                },
                _ => None,
            }
        }
        ExpressionKind::Subscript { value, .. } => last(*value)
            .is_some_and(|(name, _)| name == "environ")
            .then_some(ImportKind::Setting),
        // `os.environ.get("SIZE") or 30`
        ExpressionKind::Boolean { operands, .. } => operands
            .iter()
            .find_map(|operand| assigned_kind(module, *operand)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::syntax;

    /// Files of a project, by path.
    struct Project(Vec<(&'static str, Arc<Module>)>);

    impl Project {
        fn new(files: &[(&'static str, &str)]) -> Self {
            let parsed = files.iter().zip(0..).map(|((path, text), number)| {
                (*path, Arc::new(syntax::parse(FileId(number), text)))
            });
            Self(parsed.collect())
        }
    }

    impl Modules for Project {
        fn find(&self, name: &str, _: FileId) -> Option<Arc<Module>> {
            let path = name.replace('.', "/");
            self.0
                .iter()
                .find(|(known, _)| {
                    *known == format!("{path}.py") || *known == format!("{path}/__init__.py")
                })
                .map(|(_, module)| module.clone())
        }
        fn at(&self, _: &str, _: FileId) -> Option<Arc<Module>> {
            None
        }
        fn package_of(&self, file: FileId) -> Option<String> {
            let path = self.path_of(file);
            Some(path.rsplit_once('/')?.0.replace('/', "."))
        }
        fn read(&self, _: &str) -> Option<Vec<u8>> {
            None
        }

        fn list(&self, _: &str) -> Option<Vec<String>> {
            None
        }
        fn path_of(&self, file: FileId) -> String {
            self.0[file.0 as usize].0.to_owned()
        }
    }

    fn kinds(revision: &str) -> Vec<(String, ImportKind)> {
        let project = Project::new(&[
            ("db/versions/a.py", revision),
            ("db/helpers.py", "from app.models import User\n"),
            ("app/__init__.py", "from .models import User\n"),
            (
                "app/models.py",
                "from .enums import Status\nclass User(Base):\n    __tablename__ = 'users'\n",
            ),
            (
                "app/enums.py",
                "import enum\nclass Status(str, enum.Enum):\n    A = 'a'\n",
            ),
            (
                "app/config.py",
                "import os\nURL = os.environ['URL']\nLIMIT = 250\n",
            ),
            (
                "app/db.py",
                "import sqlalchemy as sa\nBase = declarative_base()\nclass Json(sa.types.TypeDecorator):\n    pass\n",
            ),
            (
                "app/types.py",
                "import sqlalchemy as sa\nfrom app.models import User\nclass Id(sa.types.TypeDecorator[int]):\n    pass\n",
            ),
            (
                "app/service.py",
                "from app import models\ndef fill():\n    pass\n",
            ),
            (
                "app/migrating.py",
                "from alembic import op\nfrom app.models import User\n",
            ),
            ("app/text.py", "def slug(text):\n    return text.lower()\n"),
        ]);
        let module = project.0[0].1.clone();
        Imports::new(&project, vec![Utf8PathBuf::from("db")])
            .of(&module)
            .into_iter()
            .map(|found| (found.module, found.kind))
            .collect()
    }

    #[test]
    fn models_settings_enumerations_and_services_are_the_application() {
        let found = kinds(
            "from app.models import User\nfrom app import models\nimport app.config\nfrom app.enums import Status\n\
             def upgrade():\n    from app.service import fill\n    from app import User as Account\n    \
             f(User, Account, models, app.config, Status, fill)\n",
        );
        assert_eq!(
            found,
            [
                ("app.models".to_owned(), ImportKind::Model),
                ("app".to_owned(), ImportKind::Model),
                ("app.config".to_owned(), ImportKind::Setting),
                ("app.enums".to_owned(), ImportKind::Enumeration),
                ("app.service".to_owned(), ImportKind::Code),
                ("app".to_owned(), ImportKind::Model),
            ]
        );
    }

    #[test]
    fn what_nothing_uses_is_told_so() {
        let found = kinds("import app.db\nfrom app.models import *\ndef upgrade():\n    pass\n");
        assert_eq!(
            found,
            [
                ("app.db".to_owned(), ImportKind::Unused),
                ("app.models".to_owned(), ImportKind::Model),
            ]
        );
    }

    #[test]
    fn what_is_taken_and_how_it_is_used_counts() {
        let found = kinds(
            "from app.config import LIMIT\nfrom app.enums import Status\nfrom app.models import User\nimport app.db\nfrom app.db import Base\n\
             from app import enums\n\
             class Own(Base):\n    __tablename__ = 'own'\n\
             def upgrade():\n    f(LIMIT, Status.A.value, User.__tablename__, app.db.Json(), list(enums.Status))\n",
        );
        assert_eq!(
            found,
            [
                ("app.config".to_owned(), ImportKind::Constant),
                ("app.enums".to_owned(), ImportKind::Code),
                ("app.models".to_owned(), ImportKind::Constant),
                ("app.db".to_owned(), ImportKind::Code),
                ("app".to_owned(), ImportKind::Enumeration),
            ]
        );
    }

    #[test]
    fn helpers_of_migrations_types_and_other_packages_are_not() {
        let found = kinds(
            "import uuid\nimport sqlalchemy as sa\nfrom db.helpers import x\nfrom app.types import Id\n\
             from app.migrating import fix\nfrom app.text import slug\nfrom typing import TYPE_CHECKING\n\
             if TYPE_CHECKING:\n    from app.models import User\n",
        );
        assert_eq!(found, []);
    }
}
