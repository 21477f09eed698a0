//! The examples run and say something sensible. Their numbers are not pinned: they are the
//! engine's, and its own tests pin those.

use std::path::Path;

#[expect(dead_code, reason = "`main` is for `cargo run --example`")]
#[path = "../../examples/observer.rs"]
mod observer;
#[expect(dead_code, reason = "`main` is for `cargo run --example`")]
#[path = "../../examples/own_choker.rs"]
mod own_choker;
#[expect(dead_code, reason = "`main` is for `cargo run --example`")]
#[path = "../../examples/run_plan.rs"]
mod run_plan;

fn check(answer: &str, phrases: &[&str]) {
    for phrase in phrases {
        assert!(answer.contains(phrase), "`{phrase}` is missing: {answer}");
    }
}

#[test]
fn run_plan_prints_who_finished_when() {
    let answer = run_plan::answer(Path::new("scenarios/flash_crowd.toml")).unwrap();
    check(&answer, &["What does tit-for-tat buy", "dsl: 100 finished, after ", "fingerprint "]);
}

#[test]
fn observer_accounts_for_every_byte() {
    let answer = observer::answer().unwrap();
    check(&answer, &[" MiB moved, half of it by ", " % came from seeders"]);
}

#[test]
fn own_choker_is_compared_on_the_same_luck() {
    let answer = own_choker::answer().unwrap();
    check(&answer, &["contributor: ", "free_rider: ", " s with tit-for-tat, ", "least-first"]);
    // Serving those who have least does not make free riders wait: that is what it is for.
    let riders = answer.lines().find(|line| line.starts_with("free_rider")).unwrap();
    assert!(riders.contains(", -"), "free riders gain: {answer}");
}
