"""The public corpus: packages of PyPI whose wheels ship Alembic revisions, at fixed versions.

A folder is named where PostgreSQL can replay its revisions, with what these import; the others (written for another database first, or in need of
the whole application) are only analysed.
"""

import collections
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import install

Package = collections.namedtuple("Package", "name version folders")

PACKAGES = [
    Package("aiida-core", "2.9.4", ["aiida/storage/psql_dos/migrations/versions"]),
    Package("apache-airflow-core", "3.3.2", []),
    Package("apache-airflow-providers-fab", "3.10.2", []),
    Package("apache-superset", "6.1.0", []),
    Package("arize-phoenix", "20.26.1", ["phoenix/db/migrations/versions"]),
    Package("ckan", "2.12.0", []),
    Package("cognee", "1.6.5", ["cognee/alembic/versions"]),
    Package("dagster", "1.13.29", ["dagster/_core/storage/alembic/versions"]),
    Package("datajunction-server", "0.0.272", []),
    Package("ethyca-fides", "2.78.2", ["fides/api/alembic/migrations/versions"]),
    Package("flexmeasures", "1.0.1", ["flexmeasures/data/migrations/versions"]),
    Package("fractal-server", "2.25.4", ["fractal_server/migrations/versions"]),
    Package("galaxy-data", "26.1.2", []),
    Package("gpustack", "2.3.0", ["gpustack/migrations/versions"]),
    Package("ironic", "39.0.0", ["ironic/db/sqlalchemy/alembic/versions"]),
    Package("langflow-base", "1.13.0", ["langflow/alembic/versions"]),
    Package("mcp-contextforge-gateway", "1.1.0", ["mcpgateway/alembic/versions"]),
    Package("mlflow", "3.18.0", ["mlflow/store/db_migrations/versions", "mlflow/server/auth/db/migrations/versions"]),
    Package("neutron", "29.0.0", []),
    Package("octavia", "19.0.0", ["octavia/db/migration/alembic_migrations/versions"]),
    Package("open-webui", "0.12.4", ["open_webui/migrations/versions"]),
    Package("optuna", "5.0.0", ["optuna/storages/_rdb/alembic/versions"]),
    Package("prefect", "3.9.1", []),
    Package("privacyidea", "3.14", ["privacyidea/migrations/versions"]),
    Package("skyvern", "1.0.56", ["alembic/versions"]),
    Package("zenml", "0.98.0", []),
]

# what revisions of the corpus import besides Alembic and SQLAlchemy; a module that is not among these is a stub, and its revision does not count
IMPORTS = ["sqlalchemy-utils==0.43.0", "pydantic==2.14.4", "pyyaml==6.0.4", "packaging==26.4"]

KEPT = (".py", ".ini", ".toml", ".mako", ".sql")


def folder():
    """Where the corpus lies."""
    return pathlib.Path(os.environ.get("FORESHOT_CORPUS") or pathlib.Path.home() / ".cache" / "foreshot-corpus")


def chosen(names):
    """The packages of these names, or all."""
    unknown = set(names) - {package.name for package in PACKAGES}
    if unknown:
        raise install.Missing(f"there is no package {sorted(unknown)[0]!r} in the corpus: see tests/agreement/packages.py")
    return [package for package in PACKAGES if not names or package.name in names]


def download(packages):
    """Unpacks what a replay reads of each wheel that is not there yet: the text of the packages that hold revisions."""
    for package in packages:
        target = folder() / package.name
        if target.is_dir():
            continue
        install.say(f"downloading {package.name} {package.version}")
        with tempfile.TemporaryDirectory() as scratch:
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version", "3.12", "-d", scratch]
            install.call([*pip, f"{package.name}=={package.version}"])
            wheel = zipfile.ZipFile(io.BytesIO(next(pathlib.Path(scratch).iterdir()).read_bytes()))
        texts = [name for name in wheel.namelist() if name.endswith(KEPT) and ".dist-info/" not in name]
        revisions = [name for name in texts if name.endswith(".py") and b"down_revision" in wheel.read(name)]
        tops = {name.split("/")[0] + "/" for name in revisions}
        for name in texts:
            if any(name.startswith(top) for top in tops):
                wheel.extract(name, target)
