//! Models and sessions through the interpreter.

use crate::alembic::testing::{NEW, outcomes, raised, replay, tables};
use crate::postgres::{Catalog, Statement};
use crate::trace::Origin;
use crate::trace::RunOutput;

const MODELS: &str = "from sqlalchemy.orm import declarative_base, Session\n\
Base = declarative_base()\n\
class Mixin:\n    made = sa.Column(sa.Integer, default=7)\n\
class User(Mixin, Base):\n    __tablename__ = 'users'\n    id = sa.Column(sa.Integer, primary_key=True)\n    name = sa.Column(sa.String(50))\n";

fn run(body: &str) -> RunOutput {
    replay(Catalog::default(), MODELS, body, NEW)
}

#[test]
fn models_make_their_tables() {
    let output = run("Base.metadata.create_all(op.get_bind())");
    assert_eq!(tables(&output), ["users"]);
    let relation = output
        .catalog
        .relations
        .values()
        .find(|relation| relation.name.name == "users")
        .unwrap();
    let names: Vec<&str> = relation
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["id", "name", "made"]);
}

#[test]
fn a_copied_constraint_attaches_itself_to_the_old_table() {
    let body = |copies: &str| {
        format!(
            "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.Integer, unique=True))\n\
             old = sa.Table('t', sa.MetaData(), autoload_with=op.get_bind())\n\
             new = sa.Table('n', sa.MetaData(), sa.Column('id', sa.Integer), sa.Column('n', sa.Integer))\n\
             for constraint in old.constraints:\n    if isinstance(constraint, sa.UniqueConstraint):\n        {copies}\n\
             new.create(op.get_bind())"
        )
    };
    let before = run("op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.Integer, unique=True))")
        .catalog
        .relations
        .len();
    let output = run(&body("new.append_constraint(constraint.copy())"));
    assert_eq!(
        raised(&output),
        "RuntimeError: Set changed size during iteration"
    );
    assert_eq!(output.catalog.relations.len(), before);
    let output = run(&body(
        "new.append_constraint(constraint.copy(target_table=new))",
    ));
    // it attaches itself to the new table, and its name, that of an index, is taken
    assert_eq!(raised(&output), "");
    assert_eq!(outcomes(&output).last().map(String::as_str), Some("42P07"));
}

#[test]
fn added_objects_are_inserted_at_the_commit() {
    let output = run("User.__table__.create(op.get_bind())\n\
         session = Session(bind=op.get_bind())\n\
         session.add(User(id=1, name='a'))\n\
         session.commit()\n\
         session.add_all([User(id=2, name='b'), User(id=3, name='c')])\n\
         session.flush()\n\
         session.add(User(id=1, name='again'))\n\
         session.commit()");
    assert_eq!(outcomes(&output), ["ok", "ok", "ok", "23505"]);
    assert_eq!(output.trace.events[1].origin, Origin::Orm);
}

#[test]
fn what_is_added_in_a_loop_over_unknown_rows_may_not_be_inserted() {
    let output = run("User.__table__.create(op.get_bind())\n\
         session = Session(bind=op.get_bind())\n\
         import os\n\
         for name in os.environ:\n    session.add(User(name=name))\n\
         session.add(User(id=1))\n\
         session.commit()");
    let inserts: Vec<bool> = output
        .trace
        .events
        .iter()
        .filter(|event| event.origin == Origin::Orm)
        .map(|event| event.conditional.is_some())
        .collect();
    assert_eq!(inserts, [true, false]);
}

#[test]
fn queries_give_objects_and_changes_are_sent() {
    let output = run("User.__table__.create(op.get_bind())\n\
         session = Session(bind=op.get_bind())\n\
         session.add(User(id=1, name='a'))\n\
         user = session.query(User).filter(User.name == 'a').first()\n\
         assert user.id == 1 and user.made == 7\n\
         assert session.query(User).filter_by(id=1).count() == 1\n\
         user.name = 'z'\n\
         session.commit()\n\
         assert [name for (name,) in session.query(User.name).all()] == ['z']\n\
         session.query(User).filter(User.id == 1).update({User.name: 'q'})\n\
         assert session.query(User).get(1).name == 'q'\n\
         session.query(User).delete()\n\
         assert session.query(User).all() == []");
    assert_eq!(raised(&output), "");
}

#[test]
fn what_is_done_to_each_of_unknown_objects_is_seen() {
    let old = run("User.__table__.create(op.get_bind())").catalog;
    let body = "session = Session(bind=op.get_bind())\n\
         for user in session.query(User).all():\n    user.name = user.name + '!'\n\
         for user in session.scalars(sa.select(User)):\n    session.delete(user)\n\
         assert isinstance(user.tags, object)\n\
         session.commit()";
    let output = replay(old, MODELS, body, NEW);
    let sent: Vec<(String, bool)> = output
        .trace
        .events
        .iter()
        .map(|event| (event.statements[0].to_string(), event.conditional.is_some()))
        .filter(|(text, _)| !text.starts_with("SELECT"))
        .collect();
    let expected = [
        (
            "UPDATE users SET name = {?} WHERE id = {?}".to_owned(),
            true,
        ),
        ("DELETE FROM users WHERE id = {?}".to_owned(), true),
    ];
    assert_eq!(sent, expected);
}

#[test]
fn a_merge_is_an_insert_or_an_update_by_what_is_there() {
    let output = run("User.__table__.create(op.get_bind())\n\
         session = Session(bind=op.get_bind())\n\
         session.merge(User(id=1, name='a'))\n\
         session.merge(User(id=1, name='b'))\n\
         session.commit()\n\
         assert [name for (name,) in session.query(User.name).all()] == ['b']");
    assert_eq!(raised(&output), "");
}

#[test]
fn a_session_that_is_closed_drops_what_was_not_flushed() {
    let output = run("User.__table__.create(op.get_bind())\n\
         with Session(bind=op.get_bind()) as session:\n    session.add(User(id=1))");
    assert_eq!(outcomes(&output), ["ok"]);
}

#[test]
fn a_rollback_of_the_session_takes_all_back() {
    let output =
        run("User.__table__.create(op.get_bind())\nSession(bind=op.get_bind()).rollback()");
    assert!(tables(&output).is_empty());
}

#[test]
fn the_base_class_style_of_2_0_is_read() {
    let output = replay(
        Catalog::default(),
        "from sqlalchemy.orm import DeclarativeBase, mapped_column\nclass Base(DeclarativeBase):\n    pass\n\
         class Thing(Base):\n    __tablename__ = 'things'\n    id = mapped_column(sa.Integer, primary_key=True)\n",
        "Base.metadata.create_all(op.get_bind())\n\
         op.get_bind().execute(sa.insert(Thing).values(id=1))\n\
         assert op.get_bind().execute(sa.select(Thing.id)).scalar() == 1",
        NEW,
    );
    assert_eq!(tables(&output), ["things"]);
}

#[test]
fn annotations_give_types_and_not_null() {
    let module = "import datetime, enum, uuid\nfrom typing import Optional\n\
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship\n\
        class Kind(enum.Enum):\n    A = 1\n\
        class Base(DeclarativeBase):\n    type_annotation_map = {dict: sa.JSON}\n\
        class Stamped:\n    made: Mapped[datetime.datetime] = mapped_column(server_default=sa.func.now())\n\
        class Thing(Stamped, Base):\n    __tablename__ = 'things'\n    id: Mapped[int] = mapped_column(primary_key=True)\n    \
        name: Mapped[str]\n    note: Mapped[str | None] = mapped_column(sa.Text)\n    \
        other: Mapped[Optional[uuid.UUID]]\n    kind: Mapped[Kind]\n    data: Mapped[dict] = mapped_column()\n    \
        children: Mapped[list['Child']] = relationship()\n";
    let output = replay(
        Catalog::default(),
        module,
        "Base.metadata.create_all(op.get_bind())",
        NEW,
    );
    let relations = &output.catalog.relations;
    let table = relations
        .values()
        .find(|relation| relation.name.name == "things")
        .unwrap();
    let mut columns: Vec<(String, String, bool)> = table
        .columns
        .iter()
        .map(|column| {
            (
                column.name.to_string(),
                column.type_name.name.name.to_string(),
                column.not_null,
            )
        })
        .collect();
    columns.sort();
    let expected = [
        ("data", "json", true),
        ("id", "int4", true),
        ("kind", "kind", true),
        ("made", "timestamp", true),
        ("name", "varchar", true),
        ("note", "text", false),
        ("other", "uuid", false),
    ];
    let expected = expected.map(|(name, type_, not_null)| (name.into(), type_.into(), not_null));
    assert_eq!(columns, expected);
    assert!(relations.named("things_id_seq").next().is_some());
}

#[test]
fn a_mutable_type_is_the_type_that_it_wraps() {
    let module = "from sqlalchemy.ext import mutable\n\
        class Encoded(sa.TypeDecorator):\n    impl = sa.Text().with_variant(sa.String(9), 'mysql')\n\
        class Watched(mutable.Mutable, list):\n    pass\n";
    let output = replay(
        Catalog::default(),
        module,
        "op.create_table('t', sa.Column('a', mutable.MutableDict.as_mutable(Encoded)), \
         sa.Column('b', Watched.as_mutable(sa.JSON())))",
        NEW,
    );
    assert_eq!(outcomes(&output), ["ok"]);
    let table = output.catalog.relations.values().next().unwrap();
    let types: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.type_name.name.name.as_str())
        .collect();
    assert_eq!(types, ["text", "json"]);
}

#[test]
fn types_are_found_through_the_modules_that_define_them() {
    let output = replay(
        Catalog::default(),
        "import sqlalchemy_utils",
        "op.create_table('t', sa.Column('a', sqlalchemy_utils.types.uuid.UUIDType(binary=False)), \
         sa.Column('b', sqlalchemy_utils.types.url.URLType()))",
        NEW,
    );
    assert_eq!(outcomes(&output), ["ok"]);
    let table = output.catalog.relations.values().next().unwrap();
    let types: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.type_name.name.name.as_str())
        .collect();
    assert_eq!(types, ["uuid", "text"]);
}

#[test]
fn annotated_attributes_are_columns_whatever_their_type() {
    let output = replay(
        Catalog::default(),
        "from typing import Any\nfrom sqlalchemy.orm import Mapped, DeclarativeBase, mapped_column\n\
         class Base(DeclarativeBase):\n    type_annotation_map = {dict[str, Any]: sa.JSON}\n\
         class Span(Base):\n    __tablename__ = 'spans'\n    id: Mapped[int] = mapped_column(primary_key=True)\n    \
         notes: Mapped[dict[str, Any]]\n    other: Mapped[Elsewhere]\n",
        "Base.metadata.create_all(op.get_bind())\n\
         op.execute(sa.update(Span).values(id=Span.notes[['a', 'b']].as_integer()))",
        NEW,
    );
    assert_eq!(outcomes(&output), ["ok", "ok"]);
    let table = output.catalog.relations.values().next().unwrap();
    let names: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["id", "notes", "other"]);
}

#[test]
fn models_share_the_class_of_their_base() {
    let output = replay(
        Catalog::default(),
        "from sqlalchemy.orm import declarative_base\nfrom elsewhere import Timestamps\n\
         class Shared:\n    id = sa.Column(sa.Integer, primary_key=True)\n    def label(self):\n        return 'x'\n\
         Base = declarative_base(cls=Shared)\n\
         class User(Base):\n    __tablename__ = 'users'\n    name = sa.Column(sa.Text)\n\
         class Audit(Timestamps, Base):\n    __tablename__ = 'audits'\n",
        "Base.metadata.create_all(op.get_bind(), tables=[User.__table__])\n\
         op.execute(sa.update(User).where(User.id == 1).values(name='x'))\n\
         found = Audit.created_at == None\nop.execute(sa.update(User).values(name='y'))",
        NEW,
    );
    assert_eq!(output.trace.raised, None);
    let table = output
        .catalog
        .relations
        .values()
        .find(|relation| relation.name.name == "users")
        .expect("the table");
    let names: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["name", "id"]);
}

#[test]
fn a_model_of_another_package_is_open() {
    let output = run("from elsewhere import models\n\
        session = Session(bind=op.get_bind())\n\
        found = session.query(models.Key).filter_by(name='a').first()\n\
        for one in session.query(models.Net).all():\n    \
            if not hasattr(one, 'mapping') or one.mapping is None:\n        continue\n    \
            op.execute('create table t (id int)')");
    assert!(output.trace.raised.is_none(), "{:?}", output.trace.raised);
}

const FIELDS: &str = "from typing import Optional, ClassVar\n\
from datetime import datetime\n\
from enum import Enum\n\
from uuid import UUID, uuid4\n\
from sqlmodel import Field, Relationship, SQLModel\n\
class Colour(str, Enum):\n    red = 'red'\n    blue = 'blue'\n\
class TeamBase(SQLModel):\n    name: str = Field(index=True, max_length=20)\n    colour: Colour = Colour.red\n    kinds: ClassVar[int] = 1\n\
class Team(TeamBase, table=True):\n    __tablename__ = 'teams'\n    id: Optional[int] = Field(default=None, primary_key=True)\n    heroes: list['Hero'] = Relationship(back_populates='team')\n\
class TeamRead(TeamBase):\n    id: int\n\
class Hero(SQLModel, table=True):\n    id: UUID = Field(default_factory=uuid4, primary_key=True)\n    team_id: int | None = Field(default=None, foreign_key='teams.id', ondelete='CASCADE')\n    born: datetime = Field(sa_column=sa.Column(sa.DateTime(timezone=True), nullable=False))\n    strength: float\n    email: str = Field(unique=True, sa_column_kwargs={'server_default': 'x'})\n    note: Optional[str] = None\n";

#[test]
fn sqlmodel_classes_make_their_tables() {
    let output = replay(
        Catalog::default(),
        FIELDS,
        "SQLModel.metadata.create_all(op.get_bind())",
        NEW,
    );
    assert_eq!(raised(&output), "");
    let shown: Vec<String> = output
        .trace
        .events
        .iter()
        .map(|event| event.statements[0].to_string())
        .collect();
    assert_eq!(
        shown,
        [
            "CREATE TYPE colour AS ENUM ('red', 'blue')",
            "CREATE TABLE teams (name varchar(20) NOT NULL, colour colour NOT NULL, id serial NOT NULL, PRIMARY KEY (id))",
            "CREATE INDEX ix_teams_name ON teams (name)",
            "CREATE TABLE hero (id uuid NOT NULL, team_id int4, born timestamptz NOT NULL, strength float8 NOT NULL, email varchar DEFAULT 'x' NOT NULL, note varchar, PRIMARY KEY (id), FOREIGN KEY (team_id) REFERENCES teams (id) ON DELETE CASCADE, UNIQUE (email))",
        ]
    );
    assert_eq!(outcomes(&output), ["ok", "ok", "ok", "ok"]);
}

#[test]
fn automapped_classes_are_the_tables_that_are_there() {
    let output = replay(
        Catalog::default(),
        "from sqlalchemy.ext.automap import automap_base",
        "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.Text))\n\
         Base = automap_base()\n\
         Base.prepare(autoload_with=op.get_bind())\n\
         User = Base.classes.users\n\
         session = orm.Session(bind=op.get_bind())\n\
         session.add(User(name='a'))\n\
         session.flush()\n\
         session.execute(sa.update(User).where(User.name == 'a').values(name='b'))\n\
         assert not hasattr(Base.classes, 'others')",
        NEW,
    );
    assert_eq!(outcomes(&output), ["ok", "ok", "ok"]);
}

#[test]
fn an_application_s_database_object_has_models_session_and_engine() {
    let models = "from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\n\
        class UserRole(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n    name = db.Column(db.String(20))\n\
        tags = db.Table('tags', db.Column('id', db.Integer))\n\
        class Elsewhere(db.Model):\n    __bind_key__ = 'other'\n    id = db.Column(db.Integer, primary_key=True)\n";
    let output = replay(
        Catalog::default(),
        models,
        "db.create_all()\ndb.session.execute(sa.text('UPDATE user_role SET name = 1'))\n\
         db.session.add(UserRole(name='x'))\ndb.session.commit()\n\
         assert not sa.inspect(db.engine).has_table('other')",
        NEW,
    );
    assert!(output.trace.raised.is_none(), "{:?}", output.trace.raised);
    assert_eq!(tables(&output), ["tags", "user_role"]);
    assert_eq!(outcomes(&output), ["ok", "ok", "ok", "ok"]);
}

#[test]
fn a_model_without_a_name_is_called_by_its_class() {
    for (class, name) in [
        ("User", "user"),
        ("HTTPServer", "http_server"),
        ("OAuth2Token", "o_auth2_token"),
    ] {
        let models = format!(
            "from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\n\
             class {class}(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
        );
        let output = replay(Catalog::default(), &models, "db.create_all()", NEW);
        assert_eq!(tables(&output), [name]);
    }
}

/// As a server answers on what SQLAlchemy 2.0 sends.
#[test]
fn what_a_select_of_a_model_gives_are_its_objects() {
    let one = [
        "session.scalar(sa.select(User).where(User.id == 1))",
        "session.scalars(sa.select(User).where(User.id == 1)).first()",
        "session.execute(sa.select(User).where(User.id == 1)).scalar_one_or_none()",
        "session.execute(sa.select(User).where(User.id == 1)).scalars().one()",
        "session.execute(sa.select(User).where(User.id == 1)).first()[0]",
        "session.execute(sa.select(User).where(User.id == 1)).one().User",
    ];
    for found in one {
        let output = run(&format!(
            "User.__table__.create(op.get_bind())\n\
             session = Session(bind=op.get_bind())\n\
             session.add(User(id=1, name='a'))\n\
             session.commit()\n\
             session.delete({found})\n\
             session.commit()\n\
             session.add(User(id=1, name='b'))\n\
             session.commit()"
        ));
        assert_eq!(raised(&output), "", "{found}");
        assert_eq!(outcomes(&output), ["ok"; 5], "{found}");
    }
    // columns are values as ever
    let output = run("User.__table__.create(op.get_bind())\n\
         session = Session(bind=op.get_bind())\n\
         session.add(User(id=1, name='a'))\n\
         session.commit()\n\
         for name in session.scalars(sa.select(User.name)):\n    op.create_table(name)");
    assert_eq!(tables(&output), ["a", "users"]);
}

#[test]
fn a_model_without_a_table_of_its_own_puts_its_columns_into_its_parents() {
    let output = replay(
        crate::postgres::Catalog::default(),
        "from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column\n\
         class Base(DeclarativeBase):\n    pass\n\
         class Post(Base):\n    __tablename__ = 'posts'\n    id: Mapped[int] = mapped_column(primary_key=True)\n    kind: Mapped[str]\n    __mapper_args__ = {'polymorphic_on': 'kind'}\n\
         class Article(Post):\n    title: Mapped[str | None] = mapped_column(nullable=True)\n    __mapper_args__ = {'polymorphic_identity': 'article'}\n",
        "Base.metadata.create_all(op.get_bind())\nop.execute('ALTER TABLE posts DROP COLUMN title')\nop.execute('ALTER TABLE posts DROP COLUMN title')",
        NEW,
    );
    assert_eq!(outcomes(&output), ["ok", "ok", "42703"]);
}

#[test]
fn annotated_types_bring_their_column() {
    let models = "from typing import Annotated\nfrom sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column\n\
         intpk = Annotated[int, mapped_column(primary_key=True)]\nstr50 = Annotated[str, 50]\n\
         class Base(DeclarativeBase):\n    type_annotation_map = {str50: sa.String(50)}\n\
         class A(Base):\n    __tablename__ = 'a'\n    id: Mapped[intpk]\n    name: Mapped[str50]\n    note: Mapped[str | None]\n\
         class B(Base):\n    __tablename__ = 'b'\n    id: Mapped[Annotated[int, mapped_column(primary_key=True)]]\n    a_id: Mapped[int] = mapped_column(sa.ForeignKey('a.id'))\n";
    let output = replay(
        Catalog::default(),
        models,
        "Base.metadata.create_all(op.get_bind())",
        NEW,
    );
    assert_eq!(outcomes(&output), ["ok", "ok"]);
    let shown: Vec<String> = output
        .trace
        .events
        .iter()
        .map(|event| event.statements[0].to_string())
        .collect();
    assert_eq!(
        shown,
        [
            "CREATE TABLE a (id serial NOT NULL, name varchar(50) NOT NULL, note varchar, PRIMARY KEY (id))",
            "CREATE TABLE b (id serial NOT NULL, a_id int4 NOT NULL, PRIMARY KEY (id), FOREIGN KEY (a_id) REFERENCES a (id))",
        ]
    );
}

#[test]
fn a_member_of_an_enum_is_sent_as_its_label() {
    let output = replay(
        Catalog::default(),
        "import enum\nclass Role(enum.Enum):\n    ADMIN = 'admin'\n    USER = 'user'\n\
         T = sa.Enum(Role, name='role', values_callable=lambda e: [x.value for x in e])\n\
         t = sa.table('t', sa.column('id'), sa.column('r', T))\n",
        "op.create_table('t', sa.Column('id', sa.Integer), sa.Column('r', T))\n\
         op.bulk_insert(t, [{'id': 1, 'r': Role.ADMIN}])\n\
         op.execute(t.update().values(r=Role.USER))\n\
         op.execute(t.delete().where(t.c.r.in_([Role.ADMIN])))\n\
         op.execute(t.delete().where(t.c.r == Role.ADMIN))",
        NEW,
    );
    assert_eq!(outcomes(&output), ["ok"; 6]);
}

/// The statements of a run of SQLAlchemy 2.0 on an empty database.
fn statements(models: &str, body: &str) -> Vec<String> {
    let output = replay(Catalog::default(), models, body, NEW);
    assert_eq!(outcomes(&output), vec!["ok"; output.trace.events.len()]);
    let events = output.trace.events.iter();
    events
        .map(|event| event.statements[0].to_string())
        .collect()
}

const ORM: &str = "from sqlalchemy.orm import DeclarativeBase, Mapped, Session, as_declarative, declarative_base, declared_attr, \
                   mapped_column, registry, relationship\n";

#[test]
fn columns_stand_in_sqlalchemys_order() {
    // as `CREATE TABLE` of SQLAlchemy 2.0.58 has them: a model's own, its mixins', its base's; `sort_order` before all
    let models = format!(
        "{ORM}class Base(DeclarativeBase):\n    note: Mapped[str | None]\n\
         class Key:\n    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)\n\
         class Times:\n    made = sa.Column(sa.Date)\n    @declared_attr\n    def owner(cls):\n        return sa.Column(sa.Integer)\n\
         class User(Times, Key, Base):\n    __tablename__ = 'users'\n    name: Mapped[str]\n    age = sa.Column(sa.Integer)\n    mail: Mapped[str]\n"
    );
    assert_eq!(
        statements(&models, "Base.metadata.create_all(op.get_bind())"),
        [
            "CREATE TABLE users (id serial NOT NULL, age int4, name varchar NOT NULL, mail varchar NOT NULL, made date, owner int4, note varchar, PRIMARY KEY (id))"
        ]
    );
}

#[test]
fn a_joined_child_has_its_own_columns_and_keys_lend_types() {
    let models = format!(
        "{ORM}import uuid\nclass Base(DeclarativeBase):\n    pass\n\
         links = sa.Table('links', Base.metadata, sa.Column('c', sa.ForeignKey('child.id'), primary_key=True))\n\
         class Parent(Base):\n    __tablename__ = 'parent'\n    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)\n    kind: Mapped[str]\n\
         class Child(Parent):\n    __tablename__ = 'child'\n    id: Mapped[str] = mapped_column(sa.ForeignKey('parent.id'), primary_key=True)\n    title: Mapped[str | None]\n"
    );
    assert_eq!(
        statements(&models, "Base.metadata.create_all(op.get_bind())"),
        [
            "CREATE TABLE parent (id uuid NOT NULL, kind varchar NOT NULL, PRIMARY KEY (id))",
            "CREATE TABLE child (id uuid NOT NULL, title varchar, PRIMARY KEY (id), FOREIGN KEY (id) REFERENCES parent (id))",
            "CREATE TABLE links (c uuid NOT NULL, PRIMARY KEY (c), FOREIGN KEY (c) REFERENCES child (id))",
        ]
    );
}

#[test]
fn a_base_names_the_tables_of_its_models() {
    let tables = |base: &str| -> Vec<String> {
        let models = format!(
            "{ORM}{base}class One(Base):\n    n = sa.Column(sa.Integer)\nclass Two(Base):\n    m = sa.Column(sa.Integer)\n"
        );
        let made = statements(&models, "Base.metadata.create_all(op.get_bind())");
        let names = made.iter().filter_map(|text| text.split(' ').nth(2));
        names.map(str::to_owned).collect()
    };
    let named = "    @declared_attr.directive\n    def __tablename__(cls):\n        return cls.__name__.lower() + 's'\n    id = sa.Column(sa.Integer, primary_key=True)\n";
    let expected = ["ones", "twos"];
    assert_eq!(
        tables(&format!("class Base(DeclarativeBase):\n{named}")),
        expected
    );
    assert_eq!(
        tables(&format!(
            "class Own:\n{named}Base = declarative_base(cls=Own)\n"
        )),
        expected
    );
    assert_eq!(
        tables(&format!("@as_declarative()\nclass Base:\n{named}")),
        expected
    );
    let hook = "class Base(DeclarativeBase):\n    __abstract__ = True\n    id: Mapped[int] = mapped_column(primary_key=True)\n    \
                def __init_subclass__(cls, **kw):\n        cls.__tablename__ = cls.__name__.lower() + 's'\n        super().__init_subclass__(**kw)\n";
    assert_eq!(tables(hook), expected);
    // each base has a MetaData of its own
    let other = format!(
        "class Other(DeclarativeBase):\n    pass\nclass Elsewhere(Other):\n    __tablename__ = 'elsewhere'\n    id = sa.Column(sa.Integer, primary_key=True)\nclass Base(DeclarativeBase):\n{named}"
    );
    assert_eq!(tables(&other), expected);
}

#[test]
fn a_registry_maps_classes_and_indexes_stand_outside_of_them() {
    let models = format!(
        "{ORM}reg = registry()\n\
         @reg.mapped\nclass Post:\n    __tablename__ = 'posts'\n    id = sa.Column(sa.Integer, primary_key=True)\n    title = sa.Column(sa.Text)\n\
         @reg.mapped_as_dataclass(kw_only=True)\nclass Tag:\n    __tablename__ = 'tags'\n    id: Mapped[int] = mapped_column(init=False, primary_key=True)\n\
         sa.Index('lower_title', sa.func.lower(Post.title), unique=True)\n\
         sa.Index('by_title', Post.id, Post.title.desc())\n"
    );
    let body = "reg.metadata.create_all(op.get_bind())\n\
                Tag.__table__.to_metadata(sa.MetaData(), name='copy').create(op.get_bind())";
    assert_eq!(
        statements(&models, body)[..4],
        [
            "CREATE TABLE posts (id serial NOT NULL, title text, PRIMARY KEY (id))",
            "CREATE INDEX by_title ON posts (id, title DESC)",
            "CREATE UNIQUE INDEX lower_title ON posts (lower(posts.title))",
            "CREATE TABLE tags (id serial NOT NULL, PRIMARY KEY (id))",
        ]
    );
    assert_eq!(
        statements(&models, body)[4],
        "CREATE TABLE copy (id serial NOT NULL, PRIMARY KEY (id))"
    );
}

#[test]
fn objects_that_refer_to_each_other_are_saved_together() {
    let models = format!(
        "{ORM}class Base(DeclarativeBase):\n    pass\n\
         class User(Base):\n    __tablename__ = 'users'\n    id = sa.Column(sa.Integer, primary_key=True)\n    posts = relationship('Post', back_populates='user')\n\
         class Post(Base):\n    __tablename__ = 'posts'\n    id = sa.Column(sa.Integer, primary_key=True)\n    user_id = sa.Column(sa.ForeignKey('users.id'), nullable=False)\n    user = relationship(User, back_populates='posts')\n"
    );
    let made = |body: &str| {
        let body = format!(
            "Base.metadata.create_all(op.get_bind())\ns = Session(op.get_bind())\n{body}\ns.commit()"
        );
        statements(&models, &body)[2..].to_vec()
    };
    assert_eq!(
        made("s.add(Post(id=2, user=User(id=1)))"),
        [
            "INSERT INTO users (id) VALUES (1)",
            "INSERT INTO posts (id, user_id) VALUES (2, 1)",
        ]
    );
    assert_eq!(
        made("s.add(User(id=1, posts=[Post(id=2), Post(id=3)]))"),
        [
            "INSERT INTO users (id) VALUES (1)",
            "INSERT INTO posts (id, user_id) VALUES (2, 1), (3, 1)",
        ]
    );
    // the server gives the key
    assert_eq!(
        made("u = User()\ns.add(u)\ns.flush()\ns.add(Post(id=2, user=u))")[1],
        "INSERT INTO posts (id, user_id) VALUES (2, {?})"
    );
}

#[test]
fn a_subclass_of_sqlalchemys_own_decorator_has_its_impl() {
    assert_eq!(
        statements(
            "class Text(sa.PickleType):\n    impl = sa.Text\n    cache_ok = True\nclass Plain(sa.PickleType):\n    cache_ok = True\n",
            "op.create_table('t', sa.Column('a', Text()), sa.Column('b', Text), sa.Column('c', Plain()), sa.Column('d', sa.PickleType()))"
        ),
        ["CREATE TABLE t (a text, b text, c bytea, d bytea)"]
    );
}

/// A module's models and a table each, then what a session sends.
fn sent(models: &str, body: &str) -> Vec<String> {
    let module = format!(
        "from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass, Mapped, mapped_column, Session, validates\n\
         class Base(DeclarativeBase):\n    pass\n{models}"
    );
    let body = format!(
        "Base.metadata.create_all(op.get_bind())\ns = Session(op.get_bind())\n{body}\ns.commit()"
    );
    let output = replay(Catalog::default(), &module, &body, NEW);
    assert_eq!(raised(&output), "", "{body}");
    let results = outcomes(&output);
    let events = output.trace.events.iter().zip(results);
    events
        .filter(|(event, _)| !matches!(event.statements[0], Statement::CreateTable(_)))
        .map(|(event, result)| format!("{} {result}", event.statements[0]))
        .collect()
}

#[test]
fn a_merge_copies_what_was_set() {
    let model = "class Role(Base):\n    __tablename__ = 'roles'\n    id: Mapped[int] = mapped_column(primary_key=True)\n    \
                 name: Mapped[str]\n    level: Mapped[int]\n";
    assert_eq!(
        sent(
            model,
            "s.add(Role(id=1, name='a', level=2))\ns.flush()\ns.merge(Role(id=1, name='b'))"
        ),
        [
            "INSERT INTO roles (id, name, level) VALUES (1, 'a', 2) ok",
            "SELECT roles.id, roles.name, roles.level FROM roles WHERE roles.id = 1 ok",
            "UPDATE roles SET name = 'b' WHERE id = 1 ok",
        ]
    );
}

#[test]
fn none_is_jsons_null_where_it_was_given() {
    let model = "class O(Base):\n    __tablename__ = 'o'\n    id: Mapped[int] = mapped_column(primary_key=True)\n    \
                 a: Mapped[dict] = mapped_column(sa.JSON, nullable=True)\n    \
                 b: Mapped[dict] = mapped_column(postgresql.JSONB(none_as_null=True), nullable=True)\n";
    assert_eq!(
        sent(
            model,
            "s.add(O(id=1, a=None, b=None))\ns.add(O(id=2))\ns.flush()\ns.execute(sa.insert(O).values(id=3, a=None, b=None))"
        ),
        [
            "INSERT INTO o (id, a) VALUES (1, 'null') ok",
            "INSERT INTO o (id) VALUES (2) ok",
            "INSERT INTO o (id, a, b) VALUES (3, 'null', NULL) ok",
        ]
    );
}

#[test]
fn values_are_named_by_the_models_attributes() {
    let model = "class U(Base):\n    __tablename__ = 'u'\n    id: Mapped[int] = mapped_column(primary_key=True)\n    \
                 email: Mapped[str] = mapped_column('email_addr')\n";
    assert_eq!(
        sent(
            model,
            "s.execute(sa.insert(U).values(id=1, email='a'))\ns.execute(sa.insert(U), [{'id': 2, 'email': 'b'}])\n\
             s.bulk_insert_mappings(U, [{'id': 3, 'email': 'c'}])\ns.execute(sa.update(U).values(email='d'))\n\
             s.query(U).filter_by(email='d').update({'email': 'e'})"
        ),
        [
            "INSERT INTO u (id, email_addr) VALUES (1, 'a') ok",
            "INSERT INTO u (id, email_addr) VALUES (2, 'b') ok",
            "INSERT INTO u (id, email_addr) VALUES (3, 'c') ok",
            "UPDATE u SET email_addr = 'd' ok",
            "UPDATE u SET email_addr = 'e' WHERE u.email_addr = 'd' ok",
        ]
    );
}

#[test]
fn what_a_mapper_puts_into_a_row() {
    let task = "class Task(Base):\n    __tablename__ = 'tasks'\n    id: Mapped[int] = mapped_column(primary_key=True)\n    \
                kind: Mapped[str]\n    ver: Mapped[int] = mapped_column()\n    \
                __mapper_args__ = {'polymorphic_on': 'kind', 'polymorphic_identity': 'task', 'version_id_col': ver}\n\
                class Bug(Task):\n    __mapper_args__ = {'polymorphic_identity': 'bug'}\n";
    assert_eq!(
        sent(
            task,
            "s.add(Task(id=1))\ns.add(Bug(id=2))\ns.flush()\ns.query(Bug).update({'ver': 5})"
        ),
        [
            "INSERT INTO tasks (id, kind, ver) VALUES (1, 'task', 1) ok",
            "INSERT INTO tasks (id, kind, ver) VALUES (2, 'bug', 1) ok",
            "UPDATE tasks SET ver = 5 WHERE {?: the classes of a model} ok",
        ]
    );
    let defaults = "class V(Base):\n    __tablename__ = 'v'\n    id: Mapped[int] = mapped_column(primary_key=True)\n    \
                    token: Mapped[str] = mapped_column(insert_default=lambda: 't')\n    \
                    tags: Mapped[dict] = mapped_column(sa.JSON, default_factory=dict)\n    email: Mapped[str]\n    \
                    @validates('email')\n    def lowered(self, key, value):\n        return value.lower()\n";
    assert_eq!(
        sent(defaults, "s.add(V(id=1, email='A'))"),
        ["INSERT INTO v (id, email, token, tags) VALUES (1, 'a', 't', '{}') ok"]
    );
}

#[test]
fn a_sequence_is_the_default_of_its_column() {
    let sent = statements(
        "t = sa.Table('t', sa.MetaData(), sa.Column('id', sa.Integer, sa.Sequence('s'), primary_key=True), sa.Column('n', sa.Integer, default=7), sa.Column('m', sa.Integer))\n",
        "t.create(op.get_bind())\nop.get_bind().execute(t.insert().values(m=1))\nop.bulk_insert(t, [{'m': 2}])\n\
         op.get_bind().execute(t.insert().from_select(['m'], sa.select(sa.literal(3))))\n\
         op.get_bind().execute(t.insert().from_select(['id', 'm'], sa.select(sa.literal(1), sa.literal(3)), include_defaults=False))",
    );
    assert_eq!(
        sent[2..],
        [
            "INSERT INTO t (m, id, n) VALUES (1, nextval('s'), 7)",
            "INSERT INTO t (id, n, m) VALUES (nextval('s'), 7, 2)",
            "INSERT INTO t (m, id, n) SELECT 3, nextval('s'), 7",
            "INSERT INTO t (id, m) SELECT 1, 3",
        ]
    );
}
