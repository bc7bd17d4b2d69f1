//! What `env.py` says of the connection changes what is said of a migration.

use crate::common::{findings, foreshot, stdout, temporary_folder, write, write_project};

const ENVIRONMENT: &str = "from alembic import context\nfrom sqlalchemy import create_engine\n\n\
    engine = create_engine('postgresql+psycopg2://db/app')\nwith engine.OPEN() as connection:\n    \
    context.configure(connection=connection, target_metadata=None)\n    \
    with context.begin_transaction():\n        context.run_migrations()\nEND";

const REVISION: &str = "from alembic import op\n\nrevision = 'a'\ndown_revision = None\n\n\
    def upgrade():\n    op.execute('CREATE TABLE IF NOT EXISTS t (a int)')\n    op.get_bind().commit()\n\n\
    def downgrade():\n    op.execute('DROP TABLE IF EXISTS t')\n";

/// The level and the message of the finding on the `commit()`.
fn judged(open: &str, end: &str) -> (String, String) {
    let folder = temporary_folder();
    write_project(folder.path());
    let text = ENVIRONMENT.replace("OPEN", open).replace("END", end);
    write(folder.path(), "alembic/env.py", &text);
    write(folder.path(), "alembic/versions/a.py", REVISION);
    let output = foreshot(folder.path(), &["check", ".", "--output-format", "concise"]);
    let found = findings(&stdout(&output));
    let one = found
        .into_iter()
        .find(|finding| finding.rule == "manual-commit")
        .expect("a finding");
    (one.severity, one.message)
}

#[test]
fn what_comes_of_a_commit_depends_on_who_opened_the_connection() {
    let (severity, message) = judged("connect", "");
    assert_eq!(severity, "error");
    assert!(
        message.contains("reports success and keeps nothing"),
        "{message}"
    );
    let (severity, message) = judged("connect", "    connection.commit()\n");
    assert_eq!(severity, "warning");
    assert!(message.contains("half applied"), "{message}");
    let (severity, message) = judged("begin", "");
    assert_eq!(severity, "error");
    assert!(message.contains("fails at the next statement"), "{message}");
}
