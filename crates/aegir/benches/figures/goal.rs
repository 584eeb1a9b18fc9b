//! A goal as a line: whether it is met, the figure, the goal, and how the figure was come by.

use std::fmt::Write;
use std::time::{Duration, Instant};

/// What was measured several times.
pub struct Times(Vec<Duration>);

impl Times {
    /// Does something `runs` times; `act` gives how long what matters took.
    pub fn of(runs: usize, mut act: impl FnMut() -> Duration) -> Times {
        let mut times: Vec<Duration> = (0..runs).map(|_| act()).collect();
        times.sort_unstable();
        Times(times)
    }

    /// The one in the middle: a neighbour's busy moment does not move it.
    pub fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    fn spread(&self) -> String {
        format!("{} to {} in {} runs", shown(self.0[0]), shown(self.0[self.0.len() - 1]), self.0.len())
    }
}

impl From<Vec<Duration>> for Times {
    fn from(mut times: Vec<Duration>) -> Times {
        times.sort_unstable();
        Times(times)
    }
}

/// How long `act` takes.
pub fn timed(act: impl FnOnce()) -> Duration {
    let began = Instant::now();
    act();
    began.elapsed()
}

/// Prints the lines, and counts them.
#[derive(Default)]
pub struct Goals {
    met: usize,
    missed: usize,
}

impl Goals {
    /// A time that is to be under `goal`.
    pub fn time(&mut self, what: &str, times: &Times, goal: Duration) {
        let value = times.median();
        let how = format!("goal {}; {}", shown(goal), times.spread());
        self.line(value <= goal, what, &shown(value), &how);
    }

    /// The time that ninety-nine of a hundred stay under, which is to be under `goal`.
    pub fn ninety_ninth(&mut self, what: &str, times: &Times, goal: Duration) {
        let value = times.0[(times.0.len() * 99).div_ceil(100) - 1];
        let how = format!("p99, goal {}; median {}, {}", shown(goal), shown(times.median()), times.spread());
        self.line(value <= goal, what, &shown(value), &how);
    }

    /// How often something is done each second, which is to be `goal` at least.
    pub fn rate(&mut self, what: &str, each_second: f64, goal: f64) {
        self.line(
            each_second >= goal,
            what,
            &format!("{each_second:.1} a second"),
            &format!("goal {goal:.0} a second"),
        );
    }

    /// A time against that of a floor: 1.15 times as much, or half a second more, whichever is larger.
    pub fn over_floor(&mut self, what: &str, times: &Times, floor: &Times) {
        let (value, base) = (times.median(), floor.median());
        let goal = base.mul_f64(1.15).max(base + Duration::from_millis(500));
        let factor = value.as_secs_f64() / base.as_secs_f64();
        let mut how = format!("goal {}", shown(goal));
        let _ = write!(how, ", floor {}, which is {factor:.2}×; {}", shown(base), times.spread());
        self.line(value <= goal, what, &shown(value), &how);
    }

    /// A time against that of a floor, which is to be 1.15 times as much at the most.
    pub fn by_the_floor(&mut self, what: &str, times: &Times, floor: &Times) {
        let (value, base) = (times.median(), floor.median());
        let goal = base.mul_f64(1.15);
        let factor = value.as_secs_f64() / base.as_secs_f64();
        let how = format!(
            "goal {}, floor {}, which is {factor:.2}×; {}; by hand {}",
            shown(goal),
            shown(base),
            times.spread(),
            floor.spread()
        );
        self.line(value <= goal, what, &shown(value), &how);
    }

    /// A part of a whole, which is to be under `goal`.
    pub fn share(&mut self, what: &str, share: f64, goal: f64, how: &str) {
        let how = format!("goal {:.0} %; {how}", goal * 100.0);
        self.line(share < goal, what, &format!("{:.1} %", share * 100.0), &how);
    }

    /// A time that follows from other figures, and is to be under `goal`.
    pub fn estimate(&mut self, what: &str, time: Duration, goal: Duration, how: &str) {
        self.line(time < goal, what, &shown(time), how);
    }

    /// A figure that nobody set a goal for.
    pub fn told(what: &str, value: &str, how: &str) {
        println!("  -  {what}: {value} ({how})");
    }

    /// Memory in MB that is to be under `goal`.
    pub fn memory(&mut self, what: &str, megabytes: f64, goal: f64) {
        self.line(megabytes <= goal, what, &format!("{megabytes:.0} MB"), &format!("goal {goal:.0} MB"));
    }

    /// The last line.
    pub fn sum(&self) -> String {
        format!("{} goals met, {} missed", self.met, self.missed)
    }

    fn line(&mut self, met: bool, what: &str, value: &str, how: &str) {
        *(if met { &mut self.met } else { &mut self.missed }) += 1;
        println!("{} {what}: {value} ({how})", if met { "OK  " } else { "MISS" });
    }
}

/// Milliseconds below a tenth of a second, seconds up to two minutes, then minutes.
pub fn shown(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.1 => format!("{:.0} ms", seconds * 1000.0),
        seconds if seconds < 120.0 => format!("{seconds:.2} s"),
        seconds => format!("{:.1} minutes", seconds / 60.0),
    }
}
