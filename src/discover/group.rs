//! Revisions to graphs: folders that continue each other are one database, folders that repeat ids are databases apart.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::scan::Scans;
use super::{Database, name_of};
use crate::files::{Files, path_order, within};

/// Folders whose revisions are one graph.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Sorted.
    pub(super) folders: Vec<Utf8PathBuf>,
    /// Sorted.
    pub(super) files: Vec<Utf8PathBuf>,
    /// The folder that holds them all.
    pub(super) common: Utf8PathBuf,
}

#[derive(Default)]
struct Identifiers {
    own: BTreeSet<String>,
    parents: BTreeSet<String>,
}

fn identifiers<'a>(
    files: &dyn Files,
    scans: &mut Scans,
    paths: impl IntoIterator<Item = &'a Utf8PathBuf>,
) -> Identifiers {
    let mut all = Identifiers::default();
    for path in paths {
        let scan = scans.of(files, path);
        all.own.extend(scan.revision.clone());
        all.parents.extend(scan.parents.iter().cloned());
    }
    all
}

/// Whether one set of revisions goes on where the other ends, with no id in both.
fn continues(one: &Identifiers, other: &Identifiers) -> bool {
    one.own.is_disjoint(&other.own)
        && (!one.parents.is_disjoint(&other.own) || !other.parents.is_disjoint(&one.own))
}

/// Groups files by folder, and folders that continue each other under one parent (a folder a year, expand and contract
/// branches).
pub(super) fn by_folder(
    files: &dyn Files,
    scans: &mut Scans,
    paths: Vec<Utf8PathBuf>,
) -> Vec<Group> {
    let mut folders: BTreeMap<Utf8PathBuf, Vec<Utf8PathBuf>> = BTreeMap::new();
    for path in paths {
        let folder = path.parent().unwrap_or(Utf8Path::new("")).to_owned();
        folders.entry(folder).or_default().push(path);
    }
    let mut groups: Vec<(Group, Identifiers)> = folders
        .into_iter()
        .map(|(folder, mut paths)| {
            paths.sort_unstable_by(|one, other| path_order(one, other));
            let ids = identifiers(files, scans, &paths);
            let group = Group {
                folders: vec![folder.clone()],
                files: paths,
                common: folder,
            };
            (group, ids)
        })
        .collect();
    // few folders: joining until nothing changes is cheap
    loop {
        let pair = (0..groups.len())
            .flat_map(|one| (one + 1..groups.len()).map(move |other| (one, other)))
            .find(|(one, other)| {
                related(&groups[*one].0.common, &groups[*other].0.common)
                    && continues(&groups[*one].1, &groups[*other].1)
            });
        let Some((one, other)) = pair else {
            break;
        };
        let (joined, ids) = groups.remove(other);
        let (group, own) = &mut groups[one];
        group.folders.extend(joined.folders);
        group.folders.sort();
        group.files.extend(joined.files);
        group.files.sort();
        group.common = common(&group.common, &joined.common);
        own.own.extend(ids.own);
        own.parents.extend(ids.parents);
    }
    groups.into_iter().map(|(group, _)| group).collect()
}

/// Folders of one tree: one holds the other, or they have a near folder in common that is not the root.
fn related(one: &Utf8Path, other: &Utf8Path) -> bool {
    if within(one, other) || within(other, one) {
        return true;
    }
    let shared = common(one, other);
    let depth = |path: &Utf8Path| path.components().count();
    !shared.as_str().is_empty()
        && depth(one) - depth(&shared) <= 2
        && depth(other) - depth(&shared) <= 2
}

fn common(one: &Utf8Path, other: &Utf8Path) -> Utf8PathBuf {
    one.components()
        .zip(other.components())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.as_str())
        .collect::<Vec<_>>()
        .join("/")
        .into()
}

/// Whether folders that Alembic's configuration does not name belong to a database all the same, since `env.py` or the
/// command line adds them: they lie below its version locations, and continue its graph or are all there is (`alone`).
pub(super) fn adopts(
    files: &dyn Files,
    scans: &mut Scans,
    database: &Database,
    group: &Group,
    alone: bool,
) -> bool {
    let below = group.folders.iter().all(|folder| {
        database
            .version_locations
            .iter()
            .any(|location| folder != location && within(folder, location))
    });
    if !below {
        return false;
    }
    if database.revision_files.is_empty() {
        return alone;
    }
    let own = identifiers(files, scans, &database.revision_files);
    let theirs = identifiers(files, scans, &group.files);
    continues(&own, &theirs)
}

/// Adds a group's files.
pub(super) fn adopt(database: &mut Database, group: &Group) {
    database.revision_files.extend(group.files.iter().cloned());
    database.revision_files.sort();
    database.revision_files.dedup();
}

/// Takes a database apart where its folders repeat revision ids (siblings for several dialects), and where its version
/// locations are graphs that have nothing to do with each other.
pub(super) fn split(files: &dyn Files, scans: &mut Scans, database: Database) -> Vec<Database> {
    let by_location = |file: &Utf8PathBuf| location_of(&database, file);
    // below one location, its immediate folders are what may stand beside each other
    let by_folder = |file: &Utf8PathBuf| {
        let place = location_of(&database, file);
        file.strip_prefix(&place)
            .ok()
            .filter(|rest| rest.components().count() > 1)
            .and_then(|rest| rest.components().next())
            .map_or(place.clone(), |first| place.join(first))
    };
    let inner = parts(&database, by_folder);
    if repeats(files, scans, &inner) {
        return apart(&database, inner);
    }
    let locations = parts(&database, by_location);
    let ids: Vec<Identifiers> = locations
        .values()
        .map(|paths| identifiers(files, scans, paths))
        .collect();
    let connected = ids
        .iter()
        .enumerate()
        .any(|(index, one)| ids[index + 1..].iter().any(|other| continues(one, other)));
    if locations.len() < 2 || connected {
        return vec![database];
    }
    apart(&database, locations)
}

/// The version location that holds a file: the deepest.
fn location_of(database: &Database, file: &Utf8Path) -> Utf8PathBuf {
    database
        .version_locations
        .iter()
        .filter(|location| within(file, location))
        .max_by_key(|location| location.as_str().len())
        .cloned()
        .unwrap_or_default()
}

type Parts = BTreeMap<Utf8PathBuf, Vec<Utf8PathBuf>>;

fn parts(database: &Database, place: impl Fn(&Utf8PathBuf) -> Utf8PathBuf) -> Parts {
    let mut parts = Parts::new();
    for file in &database.revision_files {
        parts.entry(place(file)).or_default().push(file.clone());
    }
    parts
}

fn repeats(files: &dyn Files, scans: &mut Scans, parts: &Parts) -> bool {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    parts.values().any(|paths| {
        let own = identifiers(files, scans, paths).own;
        let repeats = !own.is_disjoint(&seen);
        seen.extend(own);
        repeats
    })
}

fn apart(database: &Database, parts: Parts) -> Vec<Database> {
    parts
        .into_iter()
        .map(|(folder, revision_files)| Database {
            name: name_of(std::slice::from_ref(&folder), None),
            version_locations: vec![folder],
            revision_files,
            ..database.clone()
        })
        .collect()
}
