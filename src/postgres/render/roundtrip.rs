use crate::sql::statements;
#[test]
fn zz() {
    let mut bad = 0; let mut n = 0;
    let mut texts: Vec<String> = std::fs::read_to_string("/work/shared/facts/rerun-sql.tsv").unwrap().lines().skip(1).map(|l| l.split('\t').nth(1).unwrap().to_string()).collect();
    for e in std::fs::read_dir("/tmp/w/truthsql").unwrap() { texts.extend(std::fs::read_to_string(e.unwrap().path()).unwrap().split('\u{0}').map(|s| s.to_string())); }
    texts.sort(); texts.dedup();
    let mut seen = std::collections::BTreeMap::new();
    for text in texts {
        for s in statements(&text) {
            let r = s.to_string();
            if r.contains("...") || r.contains("more rows") || r.contains("(no SQL") || r.contains("(not readable") || r.contains("{?") { continue; }
            n += 1;
            let again = statements(&r);
            if again.len() != 1 || again[0] != s {
                bad += 1;
                let key = r.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
                let c = seen.entry(key).or_insert(0); *c += 1;
                if *c <= 3 { println!("BAD {}\n    {}\n", text.replace('\n', " ").chars().take(300).collect::<String>(), r.chars().take(400).collect::<String>());
                  if let Some(a) = again.first() { let x = format!("{s:?}"); let y = format!("{a:?}"); let i = x.bytes().zip(y.bytes()).position(|(a,b)| a!=b).unwrap_or(0); println!("    {}\n    {}", x.chars().skip(i.saturating_sub(40)).take(160).collect::<String>(), y.chars().skip(i.saturating_sub(40)).take(160).collect::<String>()); } }
            }
        }
    }
    println!("{bad} of {n} {seen:?}");
}
