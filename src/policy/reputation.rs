//! What a client thinks of a neighbour: by what passed between the two, and by what third parties
//! attest, one hop away.
//!
//! After Piatek, Isdal, Krishnamurthy and Anderson (NSDI 2008) and the draft that Siloti made of it
//! (*Persistent Indirect Reputation*, November 2013). Each client remembers what it gave to and
//! took from whom, over all torrents. Two that meet compare whom they know: an intermediary that
//! has given to me and taken from you speaks for you, and nobody further away does.
//!
//! Laws: what a neighbour gives, to me or to whoever gave to me, never lowers what I think of it by
//! flow; an intermediary that gave me nothing adds nothing, whatever it attests; all intermediaries
//! together add no more than they gave me.
//!
//! Where it is wrong: nothing is ever used up by being relied on. In the draft a transfer that an
//! intermediary's word brought about is entered with the intermediary, and moves its standing.

use crate::ids::UserId;
use crate::units::{BLOCK, Bytes};
use std::cmp::Reverse;

/// What passed between the user whose list it is in and another one, in all torrents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dealing {
    /// The other one.
    pub with: UserId,
    /// What it gave.
    pub received: Bytes,
    /// What it was given.
    pub sent: Bytes,
}

/// What is made of these lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Esteem {
    /// What it gave me, and what it gave to others as far as those gave me as much: the largest
    /// flow from it to me over two edges at most, as in `BarterCast` (Meulpolder et al., 2009).
    Flow,
    /// The same less what flowed the other way; who took more than it gave is a stranger.
    NetFlow,
    /// Given ÷ taken, in millionths: its own with me if we ever dealt; else the mean over mutual
    /// acquaintances of their ratio with me × its share of what passed between it and them; 1 for
    /// strangers. So the draft has it, but for what this module's head says.
    Ratio,
}

/// Millionths: a ratio of 1.
const WHOLE: u128 = 1_000_000;

/// One user, as another one sees it.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Who it is.
    pub user: UserId,
    /// Whom it dealt with, by user.
    pub dealings: &'a [Dealing],
    /// Which of them it names.
    pub names: Names,
}

/// Which acquaintances a user names to others: the most popular ones, of equals the lowest id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Names {
    /// The least of those that are named; `None`: all are.
    last: Option<(usize, Reverse<UserId>)>,
}

impl Names {
    /// Nobody has dealt with so many.
    const NOBODY: (usize, Reverse<UserId>) = (usize::MAX, Reverse(UserId(0)));

    /// At most `most` of them.
    pub fn of(dealings: &[Dealing], most: usize, popularity: impl Fn(UserId) -> usize) -> Self {
        if dealings.len() <= most {
            return Self { last: None };
        }
        if most == 0 {
            return Self { last: Some(Self::NOBODY) };
        }
        let key = |dealing: &Dealing| (popularity(dealing.with), Reverse(dealing.with));
        let mut keys: Vec<_> = dealings.iter().map(key).collect();
        let at = keys.len() - most;
        Self { last: Some(*keys.select_nth_unstable(at).1) }
    }

    fn hold(self, user: UserId, popularity: &impl Fn(UserId) -> usize) -> bool {
        self.last.is_none_or(|last| (popularity(user), Reverse(user)) >= last)
    }
}

/// What `me` thinks of `them`; 0 is nothing. Both lists are in order of users. `popularity` says
/// how many a user has dealt with; it is asked only where somebody does not name all it knows.
pub fn reputation(
    esteem: Esteem,
    me: &Known<'_>,
    them: &Known<'_>,
    popularity: impl Fn(UserId) -> usize,
) -> u64 {
    let direct = direct(me, them.user);
    let named = |user| me.names.hold(user, &popularity) && them.names.hold(user, &popularity);
    let mutual = mutual(me.dealings, them.dealings).filter(|(mine, _)| named(mine.with));
    match esteem {
        Esteem::Flow => mutual.fold(direct.received.0, |sum, (mine, theirs)| {
            sum.saturating_add(mine.received.min(theirs.sent).0)
        }),
        Esteem::NetFlow => {
            let start = (direct.received.0, direct.sent.0);
            let (gave, took) = mutual.fold(start, |(gave, took), (mine, theirs)| {
                let gave = gave.saturating_add(mine.received.min(theirs.sent).0);
                (gave, took.saturating_add(mine.sent.min(theirs.received).0))
            });
            gave.saturating_sub(took)
        }
        Esteem::Ratio => ratio(direct, mutual),
    }
}

/// What passed between me and that user; nothing if we never dealt.
fn direct(me: &Known<'_>, user: UserId) -> Dealing {
    let nothing = Dealing { with: user, received: Bytes::ZERO, sent: Bytes::ZERO };
    let at = me.dealings.binary_search_by_key(&user, |dealing| dealing.with);
    at.map_or(nothing, |at| me.dealings[at])
}

/// The acquaintances that two lists have in common, each as the one and as the other saw it.
fn mutual<'a>(
    mine: &'a [Dealing],
    theirs: &'a [Dealing],
) -> impl Iterator<Item = (&'a Dealing, &'a Dealing)> {
    let mut rest = theirs;
    mine.iter().filter_map(move |mine| {
        // Most are near: a binary search for each is slower.
        let before = rest.iter().take_while(|theirs| theirs.with < mine.with).count();
        rest = &rest[before..];
        let theirs = rest.first().filter(|theirs| theirs.with == mine.with)?;
        Some((mine, theirs))
    })
}

fn ratio<'a>(direct: Dealing, mutual: impl Iterator<Item = (&'a Dealing, &'a Dealing)>) -> u64 {
    // Ours: who took less than a block took one, or whoever gave first would be worth anything.
    let given_by_taken = |dealing: &Dealing| {
        u128::from(dealing.received.0) * WHOLE / u128::from(dealing.sent.max(BLOCK).0)
    };
    let narrow = |x: u128| u64::try_from(x).unwrap_or(u64::MAX);
    if direct.received.max(direct.sent) > Bytes::ZERO {
        return narrow(given_by_taken(&direct));
    }
    let (mut sum, mut n) = (0_u128, 0_u128);
    for (mine, theirs) in mutual {
        let passed = u128::from(theirs.sent.0) + u128::from(theirs.received.0);
        sum += given_by_taken(mine) * u128::from(theirs.sent.0) / passed.max(1);
        n += 1;
    }
    narrow(sum.checked_div(n).unwrap_or(WHOLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream, stream};

    const ALL: [Esteem; 3] = [Esteem::Flow, Esteem::NetFlow, Esteem::Ratio];
    const ME: UserId = UserId(0);
    const THEY: UserId = UserId(1);

    /// `(with, received, sent)`.
    fn list(rows: &[(u32, u64, u64)]) -> Vec<Dealing> {
        let dealing = |&(with, received, sent)| Dealing {
            with: UserId(with),
            received: Bytes(received),
            sent: Bytes(sent),
        };
        rows.iter().map(dealing).collect()
    }

    fn all(user: UserId, dealings: &[Dealing]) -> Known<'_> {
        Known { user, dealings, names: Names { last: None } }
    }

    fn value(esteem: Esteem, mine: &[Dealing], theirs: &[Dealing]) -> u64 {
        reputation(esteem, &all(ME, mine), &all(THEY, theirs), |_| unreachable!("all are named"))
    }

    /// Some dealings with users 2 to 9, and with `other` or not.
    fn some(luck: &mut Stream, other: UserId) -> Vec<Dealing> {
        let mut amount = |with| (with, luck.bits() % 5 * 50_000, luck.bits() % 5 * 50_000);
        let mut rows: Vec<_> = [other.0].into_iter().chain(2..10).map(&mut amount).collect();
        rows.retain(|&(with, received, _)| (u64::from(with) + received / 50_000) % 3 > 0);
        list(&rows)
    }

    #[test]
    fn worked_by_hand() {
        let mb = |n: u64| n * 1_000_000;
        for (mine, theirs, flow, net, ratio) in [
            // Strangers without a friend in common.
            (&[(5, mb(3), 0)][..], &[(6, 0, mb(9))][..], 0, 0, 1_000_000),
            // It gave me 3 and took 2.
            (&[(1, mb(3), mb(2))], &[(0, mb(2), mb(3))], mb(3), mb(1), 1_500_000),
            // It took 2 and gave nothing.
            (&[(1, 0, mb(2))], &[(0, mb(2), 0)], 0, 0, 0),
            // Peer 2 gave me 4 for 2 and has had 1 from it for 3: 1 flows to me, 2 from me to it.
            (&[(2, mb(4), mb(2))], &[(2, mb(3), mb(1))], mb(1), 0, 500_000),
            // The same with 9 from it for nothing: 4 is all that 2 gave me.
            (&[(2, mb(4), mb(2))], &[(2, 0, mb(9))], mb(4), mb(4), 2_000_000),
            // Peers 2 and 3 add up, but for the ratio, which is a mean; 7 knows one of us only.
            (
                &[(2, mb(4), mb(4)), (3, mb(1), mb(2)), (7, mb(8), 0)],
                &[(2, 0, mb(9)), (3, 0, mb(9))],
                mb(5),
                mb(5),
                750_000,
            ),
            // Who has dealt with me is judged by that, where ratios count.
            (
                &[(1, mb(1), mb(4)), (2, mb(4), 0)],
                &[(0, mb(4), mb(1)), (2, 0, mb(4))],
                mb(5),
                mb(1),
                250_000,
            ),
        ] {
            let (mine, theirs) = (list(mine), list(theirs));
            let got = ALL.map(|esteem| value(esteem, &mine, &theirs));
            assert_eq!(got, [flow, net, ratio], "{mine:?} {theirs:?}");
        }
    }

    #[test]
    fn whoever_gives_more_is_thought_no_less_of() {
        let mut luck = stream(1, Purpose::Choke, 0);
        for _ in 0..2000 {
            let (mine, theirs) = (some(&mut luck, THEY), some(&mut luck, ME));
            let more = Bytes(1 + luck.bits() % 200_000);
            for esteem in ALL {
                let before = value(esteem, &mine, &theirs);
                // More bytes attested by whoever knows it already.
                let mut generous = theirs.clone();
                if !generous.is_empty() {
                    let at = luck.below(generous.len());
                    generous[at].sent += more;
                    assert!(value(esteem, &mine, &generous) >= before, "{esteem:?}");
                }
                // More bytes given to me.
                let mut served = mine.clone();
                if let Some(direct) = served.iter_mut().find(|dealing| dealing.with == THEY)
                    && direct.received > Bytes::ZERO
                {
                    direct.received += more;
                    assert!(value(esteem, &served, &theirs) >= before, "{esteem:?}");
                }
            }
        }
    }

    /// Whoever gave me nothing adds nothing, whatever it says; all together add no more than they
    /// gave me. So identities that a client makes up, and that speak for it, are worth to it what
    /// they have really given.
    #[test]
    fn liars_are_worth_what_they_gave() {
        let mut luck = stream(2, Purpose::Choke, 0);
        for _ in 0..2000 {
            let mine = some(&mut luck, THEY);
            let honest = some(&mut luck, ME);
            let mut lies = honest.clone();
            lies.retain(|dealing| dealing.with < UserId(6));
            lies.extend((6..40).map(|liar| Dealing {
                with: UserId(liar),
                received: Bytes::ZERO,
                sent: Bytes(u64::MAX / 2),
            }));
            let truth: Vec<_> =
                honest.iter().copied().filter(|dealing| dealing.with < UserId(6)).collect();
            let liars = mine.iter().filter(|dealing| dealing.with >= UserId(6));
            let given: u64 = liars.map(|dealing| dealing.received.0).sum();
            for esteem in [Esteem::Flow, Esteem::NetFlow] {
                let gain = value(esteem, &mine, &lies) - value(esteem, &mine, &truth);
                assert!(gain <= given, "{esteem:?}: {gain} for {given}");
                assert!(given > 0 || gain == 0, "{esteem:?}: {gain} for nothing");
            }
            if given == 0 {
                let [fooled, best] = [&lies, &truth].map(|t| value(Esteem::Ratio, &mine, t));
                assert!(fooled <= best, "{fooled} instead of {best} for nothing");
            }
        }
    }

    /// Without anybody in common it is what passed between the two that counts.
    #[test]
    fn without_intermediaries_only_what_was_given_counts() {
        let mut luck = stream(3, Purpose::Choke, 0);
        for _ in 0..500 {
            let mut theirs = some(&mut luck, ME);
            let mine = some(&mut luck, THEY);
            theirs.retain(|dealing| mine.iter().all(|other| other.with != dealing.with));
            let direct = direct(&all(ME, &mine), THEY);
            assert_eq!(value(Esteem::Flow, &mine, &theirs), direct.received.0);
            let net = direct.received.0.saturating_sub(direct.sent.0);
            assert_eq!(value(Esteem::NetFlow, &mine, &theirs), net);
        }
    }

    #[test]
    fn mutual_acquaintances_are_those_that_a_slow_search_finds() {
        let mut luck = stream(4, Purpose::Choke, 0);
        for _ in 0..500 {
            let (mine, theirs) = (some(&mut luck, THEY), some(&mut luck, ME));
            let fast: Vec<_> = mutual(&mine, &theirs).collect();
            let pairs = mine.iter().flat_map(|a| theirs.iter().map(move |b| (a, b)));
            let slow: Vec<_> = pairs.filter(|(a, b)| a.with == b.with).collect();
            assert_eq!(fast, slow);
        }
    }

    /// Only the most popular are named, by both.
    #[test]
    fn who_is_not_named_does_not_speak() {
        let mine = list(&[(2, 10, 0), (3, 100, 0), (4, 1000, 0)]);
        let theirs = list(&[(2, 0, 10), (3, 0, 100), (4, 0, 1000)]);
        let popularity = |user: UserId| [0, 0, 7, 9, 7][user.index()];
        let value = |most| {
            let known = |user, dealings| Known {
                user,
                dealings,
                names: Names::of(dealings, most, popularity),
            };
            reputation(Esteem::Flow, &known(ME, &mine), &known(THEY, &theirs), popularity)
        };
        // The most popular is 3; of 2 and 4, equally popular, 2 comes first.
        assert_eq!([0, 1, 2, 3, 2000].map(value), [0, 100, 110, 1110, 1110]);
    }
}
