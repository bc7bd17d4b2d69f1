use super::*;

fn revision(id: &str, down: &[&str]) -> Revision {
    Revision {
        identifiers: Identifiers {
            revision: id.into(),
            down_revisions: down.iter().map(ToString::to_string).collect(),
            ..Identifiers::default()
        },
        file: FileId(0),
    }
}

fn dependent(id: &str, down: &[&str], on: &str) -> Revision {
    let mut made = revision(id, down);
    made.identifiers.depends_on.push(on.into());
    made
}

fn labelled(id: &str, down: &[&str], label: &str) -> Revision {
    let mut made = revision(id, down);
    made.identifiers.branch_labels.push(label.into());
    made
}

fn ids(graph: &Graph, indexes: &[Index]) -> String {
    let ids: Vec<&str> = indexes
        .iter()
        .map(|index| graph.revisions()[*index].identifiers.revision.as_str())
        .collect();
    ids.join(" ")
}

#[test]
fn parents_first() {
    let graph = Graph::new(vec![
        revision("m", &["c", "b"]),
        revision("c", &["a"]),
        revision("b", &["a"]),
        revision("a", &[]),
        revision("z", &["m"]),
    ]);
    assert_eq!(ids(&graph, graph.order()), "a b c m z");
    assert_eq!(ids(&graph, &graph.heads()), "z");
    assert_eq!(ids(&graph, &graph.bases()), "a");
    assert!(graph.is_merge(0) && graph.is_closed() && graph.problems().is_empty());
    let ancestors: Vec<Index> = graph.ancestors_of([1]).into_iter().collect();
    assert_eq!(ids(&graph, &ancestors), "c a");
}

#[test]
fn depends_on_orders_and_is_no_down_revision() {
    let graph = Graph::new(vec![
        revision("a1", &[]),
        dependent("a2", &["a1"], "datas@head"),
        labelled("z1", &[], "datas"),
        revision("z2", &["z1"]),
        dependent("b1", &["a1"], "datas"),
    ]);
    assert_eq!(ids(&graph, graph.order()), "a1 z1 z2 b1 a2");
    assert_eq!(ids(&graph, &graph.heads()), "a2 b1 z2");
    assert_eq!(ids(&graph, graph.dependencies(1)), "z2");
    assert_eq!(ids(&graph, &graph.named_by_user("datas@base")), "z1");
}

#[test]
fn beginnings_of_ids() {
    let graph = Graph::new(vec![
        revision("abcd12", &[]),
        dependent("abcd34", &["abcd12"], "abcd1"),
        dependent("next", &["abcd12"], "abcd"),
        revision("x", &["zzzz"]),
    ]);
    assert_eq!(ids(&graph, graph.dependencies(1)), "abcd12");
    assert_eq!(
        graph.problems(),
        [
            Problem::MissingParent {
                child: 3,
                parent: "zzzz".into(),
                dependency: false
            },
            Problem::Ambiguous {
                child: 2,
                parent: "abcd".into()
            },
        ]
    );
    assert!(!graph.is_closed());
    assert_eq!(ids(&graph, &graph.roots()), "abcd12 x");
    assert_eq!(graph.order().len(), 4);
}

#[test]
fn cycles_and_repeated_ids_lose_nothing() {
    let graph = Graph::new(vec![
        revision("a", &[]),
        revision("c", &["d"]),
        revision("d", &["c"]),
        revision("e", &["d", "a"]),
        revision("a", &["a"]),
        revision("s", &["s"]),
    ]);
    assert_eq!(ids(&graph, graph.order()), "a a c d e s");
    let cycles: Vec<&Problem> = graph
        .problems()
        .iter()
        .filter(|problem| matches!(problem, Problem::Cycle { .. }))
        .collect();
    assert_eq!(
        cycles,
        [
            &Problem::Cycle {
                members: vec![1, 2]
            },
            &Problem::Cycle { members: vec![5] }
        ]
    );
    assert!(graph.problems().contains(&Problem::Duplicate {
        revision: "a".into(),
        first: 0,
        second: 4
    }));
}

/// Each as Alembic 1.20.1 orders it (`RevisionMap.iterate_revisions("heads", "base")`, reversed).
#[test]
fn one_branch_is_run_whole_before_the_next() {
    let branches = || {
        vec![
            revision("a", &[]),
            revision("b1", &["a"]),
            revision("c1", &["a"]),
            revision("b2", &["b1"]),
            revision("c2", &["c1"]),
        ]
    };
    let order = |revisions| {
        let graph = Graph::new(revisions);
        ids(&graph, graph.order())
    };
    let merged = |down: &[&str]| {
        let mut revisions = branches();
        revisions.push(revision("m", down));
        order(revisions)
    };
    assert_eq!(merged(&["c2", "b2"]), "a b1 b2 c1 c2 m");
    assert_eq!(merged(&["b2", "c2"]), "a c1 c2 b1 b2 m");
    // of several heads the files decide
    assert_eq!(order(branches()), "a c1 c2 b1 b2");
    assert_eq!(
        order(branches().into_iter().rev().collect()),
        "a b1 b2 c1 c2"
    );
}

/// More heads and merges than the walk may take: still parents first, each once.
#[test]
fn a_graph_of_thousands_of_merges_stays_quick() {
    let count = 20_000;
    let name = |number: usize| format!("{number:06}");
    let revisions = (0..count)
        .map(|number| match number {
            0 | 1 => revision(&name(number), &[]),
            _ => revision(&name(number), &[&name(number - 1), &name(number - 2)]),
        })
        .chain((0..count).map(|number| revision(&format!("x{number:06}"), &[&name(number)])))
        .collect();
    let graph = Graph::new(revisions);
    assert_eq!(graph.order().len(), 2 * count);
    let mut done = vec![false; 2 * count];
    for index in graph.order() {
        assert!(graph.parents(*index).iter().all(|parent| done[*parent]));
        done[*index] = true;
    }
}

/// Each asks whether one of those before it has its dependency already.
#[test]
fn a_chain_of_dependencies_stays_quick() {
    let count = 20_000;
    let revisions = (0..count)
        .flat_map(|number| {
            let down = (number > 0).then(|| format!("{:06}", number - 1));
            let down: Vec<&str> = down.iter().map(String::as_str).collect();
            let base = format!("x{number:06}");
            [
                revision(&base, &[]),
                dependent(&format!("{number:06}"), &down, &base),
            ]
        })
        .collect();
    let graph = Graph::new(revisions);
    assert_eq!(graph.order().len(), 2 * count);
    assert!(graph.problems().is_empty());
}

#[test]
fn a_hundred_thousand_in_one_chain() {
    let count = 100_000;
    let revisions = (0..count)
        .map(|number| match number {
            0 => revision("000000", &[]),
            _ => revision(&format!("{number:06}"), &[&format!("{:06}", number - 1)]),
        })
        .collect();
    let graph = Graph::new(revisions);
    assert_eq!(graph.order().len(), count);
    assert_eq!(graph.ancestors_of(graph.heads()).len(), count);
    assert!(graph.problems().is_empty());
}

#[test]
fn many_cycles_stay_quick() {
    let revisions = (0..2_000)
        .map(|number| revision(&format!("{number:06}"), &[&format!("{:06}", number ^ 1)]))
        .collect();
    let graph = Graph::new(revisions);
    assert_eq!(graph.order().len(), 2_000);
    assert_eq!(graph.problems().len(), 1_000);
}
