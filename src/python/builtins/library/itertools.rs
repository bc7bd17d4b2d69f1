//! `itertools`.

use super::positional;
use crate::limits::Limit;
use crate::python::builtins::exceptions::class;
use crate::python::builtins::iterators::iterator;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, as_int, instance};
use crate::python::syntax::BinaryOperator;
use crate::python::value::Value;

pub(super) fn itertools<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let first = arguments.positional.first().cloned().unwrap_or(Value::None);
    let second = arguments.positional.get(1).cloned();
    let limit = interpreter.limits.turns as usize;
    let items = match name {
        "count" => {
            return Ok(instance(
                &class("count"),
                vec![
                    (
                        "start",
                        arguments.get(0, "start").cloned().unwrap_or(Value::Int(0)),
                    ),
                    (
                        "step",
                        arguments.get(1, "step").cloned().unwrap_or(Value::Int(1)),
                    ),
                ],
            ));
        }
        "chain" => {
            let mut all = Vec::new();
            for iterable in &arguments.positional {
                all.extend(items_of!(interpreter, iterable));
            }
            all
        }
        "chain.from_iterable" => {
            let mut all = Vec::new();
            for iterable in items_of!(interpreter, &first) {
                all.extend(items_of!(interpreter, &iterable));
            }
            all
        }
        "islice" => {
            let numbers: Vec<Option<i64>> =
                arguments.positional.iter().skip(1).map(as_int).collect();
            let (start, stop, step) = match numbers.as_slice() {
                [stop] => (0, *stop, 1),
                [start, stop] => (start.unwrap_or(0), *stop, 1),
                [start, stop, step] => (start.unwrap_or(0), *stop, step.unwrap_or(1)),
                _ => (0, None, 1),
            };
            let start = start.max(0) as usize;
            let stop = stop.map_or(limit, |stop| (stop.max(0) as usize).min(limit));
            let mut taken = Vec::new();
            if matches!(&first, Value::Instance(found)
                if matches!(found.class.name.as_str(), "count" | "generator"))
            {
                while taken.len() < stop
                    && let Some(item) =
                        crate::python::builtins::iterators::next(interpreter, &first)?
                {
                    taken.push(item);
                }
            } else {
                taken = items_of!(interpreter, &first);
            }
            taken
                .into_iter()
                .take(stop)
                .skip(start)
                .step_by(step.max(1) as usize)
                .collect()
        }
        "repeat" => match second.as_ref().and_then(as_int) {
            Some(count) => vec![first; (count.max(0) as usize).min(limit)],
            None => return Ok(interpreter.unsupported("itertools.repeat()")),
        },
        "starmap" => {
            let mut results = Vec::new();
            for row in items_of!(interpreter, &second.unwrap_or(Value::None)) {
                let row = items_of!(interpreter, &row);
                results.push(interpreter.call(&first, positional(row))?);
            }
            results
        }
        "product" => {
            let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
            let repeat = arguments
                .named("repeat")
                .and_then(as_int)
                .unwrap_or(1)
                .clamp(0, 8);
            for _ in 0..repeat {
                for iterable in &arguments.positional {
                    let column = items_of!(interpreter, iterable);
                    if rows.len().saturating_mul(column.len()) > limit {
                        return Err(interpreter.bound(Limit::LoopTurns));
                    }
                    rows = rows
                        .iter()
                        .flat_map(|row| {
                            column.iter().map(|item| {
                                let mut row = row.clone();
                                row.push(item.clone());
                                row
                            })
                        })
                        .collect();
                }
            }
            rows.into_iter().map(Value::tuple).collect()
        }
        "combinations" | "permutations" => {
            let pool = items_of!(interpreter, &first);
            let size = second
                .as_ref()
                .and_then(as_int)
                .unwrap_or(pool.len() as i64)
                .max(0) as usize;
            let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
            for _ in 0..size {
                let mut longer = Vec::new();
                for row in &rows {
                    for at in 0..pool.len() {
                        let fits = if name == "combinations" {
                            row.last().is_none_or(|last| at > *last)
                        } else {
                            !row.contains(&at)
                        };
                        if fits {
                            let mut row = row.clone();
                            row.push(at);
                            longer.push(row);
                        }
                    }
                    if longer.len() > limit {
                        return Err(interpreter.bound(Limit::LoopTurns));
                    }
                }
                rows = longer;
            }
            rows.into_iter()
                .map(|row| {
                    Value::tuple(
                        row.into_iter()
                            .filter_map(|at| pool.get(at).cloned())
                            .collect(),
                    )
                })
                .collect()
        }
        "zip_longest" => {
            let mut columns = Vec::new();
            for iterable in &arguments.positional {
                columns.push(items_of!(interpreter, iterable));
            }
            let fill = arguments.named("fillvalue").cloned().unwrap_or(Value::None);
            let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
            (0..rows)
                .map(|row| {
                    Value::tuple(
                        columns
                            .iter()
                            .map(|column| column.get(row).unwrap_or(&fill).clone())
                            .collect(),
                    )
                })
                .collect()
        }
        "pairwise" => {
            let items = items_of!(interpreter, &first);
            items
                .windows(2)
                .map(|pair| Value::tuple(pair.to_vec()))
                .collect()
        }
        "batched" => {
            let items = items_of!(interpreter, &first);
            let size = second.as_ref().and_then(as_int).unwrap_or(1).max(1) as usize;
            items
                .chunks(size)
                .map(|chunk| Value::tuple(chunk.to_vec()))
                .collect()
        }
        "groupby" => {
            let key = arguments.get(1, "key").cloned();
            let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
            for item in items_of!(interpreter, &first) {
                let by = match &key {
                    Some(key) if !key.is_none() => {
                        interpreter.call(key, positional(vec![item.clone()]))?
                    }
                    _ => item.clone(),
                };
                match groups.last_mut() {
                    Some((last, group)) if interpreter.equal(last, &by) == Some(true) => {
                        group.push(item);
                    }
                    _ => groups.push((by, vec![item])),
                }
            }
            groups
                .into_iter()
                .map(|(key, group)| Value::tuple(vec![key, iterator(group)]))
                .collect()
        }
        "accumulate" => {
            let mut total: Option<Value> = None;
            let mut sums = Vec::new();
            for item in items_of!(interpreter, &first) {
                let next = match total.take() {
                    None => item,
                    Some(total) => match &second {
                        Some(function) => {
                            interpreter.call(function, positional(vec![total, item]))?
                        }
                        None => interpreter.binary(BinaryOperator::Add, &total, &item)?,
                    },
                };
                sums.push(next.clone());
                total = Some(next);
            }
            sums
        }
        _ => return Ok(interpreter.unsupported(&format!("itertools.{name}()"))),
    };
    interpreter.check_items(items.len())?;
    Ok(iterator(items))
}
