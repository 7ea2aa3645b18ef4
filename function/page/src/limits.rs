//! How much is asked at most. Each instance counts what it sees itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use quack_page::form::MOST_BYTES;
use quack_page::site::{Limits, Page};

use crate::place::PART_BYTES;
use crate::response::Response;

/// Most that are counted at once: names that nobody has make no room for others.
const MOST: usize = 10_000;

/// Tries of a password for one name in a minute, from one address, and of all: whoever tries any names is to keep nobody else out.
const TRIES: u32 = 10;
const TRIES_FROM_ONE: u32 = 30;
const TRIES_OF_ALL: u32 = 240;

/// Parts of the largest answer.
const PARTS: u32 = (MOST_BYTES / PART_BYTES) as u32;

/// How often the page's script asks in a minute for what another runs, of one tile: it waits half as long as that has gone on, at most 5
/// seconds.
const AGAIN: u32 = 25;

/// Sign-ins by the issuer from one address in a minute, and from all: each has the issuer asked.
const SIGN_INS: u32 = 30;
const SIGN_INS_OF_ALL: u32 = 240;

const MINUTE: Duration = Duration::from_secs(60);

/// What was asked and spent.
#[derive(Default)]
pub(crate) struct Counted {
    requests: Minutes,
    waits: Minutes,
    parts: Minutes,
    tries: Minutes,
    triers: Minutes,
    sign_ins: Minutes,
    /// US dollars of the day, by page and by user.
    day: i64,
    pages: HashMap<String, f64>,
    users: HashMap<String, f64>,
    /// Of the last load of a page, by session and page.
    loads: HashMap<(String, String), f64>,
}

/// Who would pay for a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payer<'a> {
    pub page: &'a Page,
    pub user: &'a str,
    pub session: &'a str,
}

/// One too many.
#[derive(Debug)]
pub(crate) struct Over {
    /// What of.
    words: String,
    /// Until there may be more.
    after: Duration,
}

impl Over {
    /// `Retry-After` tells it from what Lambda says when it has no instance free, which is another's doing.
    pub(crate) fn response(&self) -> Response {
        let seconds = self.after.as_secs() + 1;
        let words = format!("more than {} in a minute: wait {seconds} seconds", self.words);
        Response::error(429, &words, "").with("retry-after", &seconds.to_string())
    }
}

/// How often each was seen in its minute.
#[derive(Default)]
struct Minutes(HashMap<String, (Instant, u32)>);

impl Minutes {
    /// Counts one more of `whom`.
    ///
    /// # Errors
    /// How long the minute lasts yet, where there were `most` in it already.
    fn takes(&mut self, whom: &str, most: u32) -> Result<(), Duration> {
        // Who is counted already stays so, whoever else comes.
        if self.0.len() >= MOST && !self.0.contains_key(whom) {
            self.0.retain(|_, (since, _)| since.elapsed() < MINUTE);
            if self.0.len() >= MOST {
                return Err(MINUTE);
            }
        }
        let (since, count) = self.0.entry(whom.to_owned()).or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() >= MINUTE {
            (*since, *count) = (Instant::now(), 0);
        }
        *count = count.saturating_add(1);
        if *count <= most { Ok(()) } else { Err(MINUTE.saturating_sub(since.elapsed())) }
    }

    /// Counts one less.
    fn gives_back(&mut self, whom: &str) {
        if let Some((_, count)) = self.0.get_mut(whom) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Counted {
    /// Counts a request for rows.
    ///
    /// # Errors
    /// One too many of its session in a minute.
    pub(crate) fn request(&mut self, session: &str, limits: &Limits) -> Result<(), Over> {
        let most = limits.session_per_minute;
        self.requests.takes(session, most).map_err(|after| Over { words: format!("{most} requests"), after })
    }

    /// A request that was counted found that another runs what it asks for, and comes again: a tile counts once, however often it asks. Who
    /// asks without pause is refused all the same: that request stays counted.
    ///
    /// # Errors
    /// One too many of its session in a minute.
    pub(crate) fn wait(&mut self, session: &str, limits: &Limits) -> Result<(), Over> {
        let most = limits.session_per_minute.saturating_mul(AGAIN);
        let words = || format!("{most} requests for what still runs");
        self.waits.takes(session, most).map_err(|after| Over { words: words(), after })?;
        self.requests.gives_back(session);
        Ok(())
    }

    /// Counts a request for the rest of an answer, which has [`PARTS`] parts at most.
    ///
    /// # Errors
    /// One too many of its session in a minute.
    pub(crate) fn part(&mut self, session: &str, limits: &Limits) -> Result<(), Over> {
        let most = limits.session_per_minute.saturating_mul(PARTS);
        self.parts.takes(session, most).map_err(|after| Over { words: format!("{most} parts of answers"), after })
    }

    /// Counts a try of a password.
    ///
    /// # Errors
    /// One too many, in words.
    pub(crate) fn password(&mut self, user: &str, address: &str) -> Result<(), String> {
        // Those of all are counted under a name that no user has, and only what is asked: who tries one name again and again keeps nobody
        // else out.
        let counted = self.triers.takes(address, TRIES_FROM_ONE).and_then(|()| self.tries.takes(user, TRIES));
        let counted = counted.and_then(|()| self.tries.takes("", TRIES_OF_ALL));
        counted.map_err(|_| "too many tries: wait a minute".to_owned())
    }

    /// Counts a sign-in by the issuer.
    ///
    /// # Errors
    /// One too many, in words.
    pub(crate) fn sign_in(&mut self, address: &str) -> Result<(), String> {
        let counted = self.sign_ins.takes(address, SIGN_INS).and_then(|()| self.sign_ins.takes("", SIGN_INS_OF_ALL));
        counted.map_err(|_| "too many tries: wait a minute".to_owned())
    }

    /// A session loads a page, which may cost its budget anew.
    pub(crate) fn load(&mut self, page: &Page, session: &str) {
        self.loads.remove(&(session.to_owned(), page.name.clone()));
    }

    /// Whether another run may be paid for on `day`, counted in days.
    ///
    /// # Errors
    /// What was spent already, in words.
    pub(crate) fn may_spend(&mut self, day: i64, payer: Payer<'_>, limits: &Limits) -> Result<(), String> {
        if self.day != day {
            (self.day, self.pages, self.users, self.loads) = (day, HashMap::new(), HashMap::new(), HashMap::new());
        }
        let Payer { page, user, session } = payer;
        let over =
            |spent: Option<&f64>, most: Option<f64>| most.filter(|most| spent.is_some_and(|spent| spent >= most));
        if let Some(most) = over(self.loads.get(&(session.to_owned(), page.name.clone())), page.budget_usd) {
            return Err(format!(
                "since it was loaded, the page has cost its budget of ${most}: load it again to go on"
            ));
        }
        if let Some(most) = over(self.pages.get(&page.name), limits.page_usd_day) {
            return Err(format!("the page has cost its ${most} of today; what is known already is shown on"));
        }
        if let Some(most) = over(self.users.get(user), limits.user_usd_day) {
            return Err(format!("{user} has spent ${most} today; what is known already is shown on"));
        }
        Ok(())
    }

    /// Counts what a run cost.
    pub(crate) fn spent(&mut self, payer: Payer<'_>, usd: Option<f64>) {
        let (usd, page) = (usd.unwrap_or_default(), payer.page.name.clone());
        if self.loads.len() >= MOST {
            self.loads.clear();
        }
        *self.loads.entry((payer.session.to_owned(), page.clone())).or_default() += usd;
        *self.pages.entry(page).or_default() += usd;
        *self.users.entry(payer.user.to_owned()).or_default() += usd;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(page: Option<f64>, user: Option<f64>) -> Limits {
        Limits { session_per_minute: 2, page_usd_day: page, user_usd_day: user }
    }

    #[test]
    fn one_too_many_is_refused_and_others_are_not() {
        let (mut counted, limits) = (Counted::default(), limits(None, None));
        assert!(counted.request("a", &limits).is_ok() && counted.request("a", &limits).is_ok());
        let over = counted.request("a", &limits).unwrap_err();
        assert!(over.words == "2 requests" && over.after > Duration::from_secs(50), "{over:?}");
        assert!(counted.request("b", &limits).is_ok());
        let tries = (0..20).filter(|_| counted.password("ann", "192.0.2.1").is_ok()).count();
        assert_eq!((tries, counted.password("bea", "192.0.2.1").is_ok()), (10, true));
        let from_one = (0..1000).filter(|at| counted.password(&format!("u{at}"), "192.0.2.3").is_ok()).count();
        assert_eq!(from_one, 30, "any names from one address");
        assert!(counted.password("cleo", "192.0.2.2").is_ok(), "one address keeps the others out");
        let all = (0..1000).filter(|at| counted.password(&format!("v{at}"), &format!("a{at}")).is_ok()).count();
        assert!(all < 240, "{all}");
        let mut counted = Counted::default();
        for _ in 0..1000 {
            _ = (counted.password("ann", "192.0.2.1"), counted.sign_in("192.0.2.1"));
        }
        assert!(
            counted.password("bea", "192.0.2.2").is_ok() && counted.sign_in("192.0.2.2").is_ok(),
            "one keeps the others out"
        );
    }

    #[test]
    fn who_is_counted_stays_so_however_many_others_come() {
        let mut minutes = Minutes::default();
        assert!((0..MOST).all(|at| minutes.takes(&at.to_string(), 2).is_ok()));
        assert!(minutes.takes("7", 2).is_ok() && minutes.takes("7", 2).is_err(), "2 are what it may have");
        assert!(minutes.takes("new", 2).is_err());
    }

    #[test]
    fn who_waits_is_counted_once_and_who_hammers_is_refused() {
        let (mut counted, limits) = (Counted::default(), limits(None, None));
        let mut ask = |session: &str| counted.request(session, &limits).and_then(|()| counted.wait(session, &limits));
        let asked = (0..60).filter(|_| ask("a").is_ok()).count();
        assert_eq!(asked as u32, 2 * AGAIN);
        assert!(ask("a").unwrap_err().words.contains("2 requests"), "it counts as others do by now");
        assert!(ask("b").is_ok());
        assert!(counted.request("b", &limits).is_ok() && counted.request("b", &limits).is_ok());
        assert!(counted.request("b", &limits).is_err());
        counted.requests.gives_back("c");
        assert!(!counted.requests.0.contains_key("c"));
    }

    #[test]
    fn a_day_and_a_load_have_their_dollars() {
        let page = |name: &str, budget: Option<f64>| {
            let page = serde_json::json!({ "name": name, "title": "", "html": [], "inputs": [], "queries": [], "budget_usd": budget });
            serde_json::from_value::<Page>(page).unwrap()
        };
        let (trips, other) = (page("trips", None), page("other", Some(0.005)));
        let (mut counted, limits) = (Counted::default(), limits(Some(0.02), Some(0.01)));
        let mut spend = |day: i64, page: &Page, user: &str, usd: f64| {
            let payer = Payer { page, user, session: user };
            let may = counted.may_spend(day, payer, &limits);
            may.map(|()| counted.spent(payer, Some(usd)))
        };
        assert!(spend(1, &trips, "ann", 0.01).is_ok());
        assert!(spend(1, &other, "ann", 0.01).unwrap_err().contains("ann has spent $0.01"));
        assert!(spend(1, &trips, "bea", 0.01).is_ok());
        assert!(spend(1, &trips, "cleo", 0.01).unwrap_err().contains("the page has cost its $0.02"));
        assert!(spend(2, &trips, "ann", 0.01).is_ok());
        assert!(spend(2, &other, "bea", 0.005).is_ok() && spend(2, &other, "cleo", 0.0).is_ok());
        assert!(spend(2, &other, "bea", 0.0).unwrap_err().contains("budget of $0.005"));
        counted.load(&other, "bea");
        let payer = Payer { page: &other, user: "bea", session: "bea" };
        assert!(counted.may_spend(2, payer, &limits).is_ok());
    }
}
