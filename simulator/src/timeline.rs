//! From a plan to legs and moments.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Agent, Beat, BeatKind, Call, End, Leg, Plan, Recording, Story};

/// Seconds from the end of a talk until its recording can be fetched.
const UPLOAD: u32 = 7;
/// Seconds from one step of a platform to the next.
const STEP: u32 = 1;

pub(crate) fn play(seed: u64, plan: Plan, started_at: DateTime<Utc>) -> Call {
    let outbound = plan.story.is_outbound();
    let calling = (outbound || plan.story == Story::Internal).then_some(plan.agents[0]);
    let root =
        Leg { number: 0, agent: calling, started_at, answered_at: None, ended_at: started_at, end: End::NoAnswer };
    let mut stage = Stage { now: started_at, root, agents: Vec::new(), beats: Vec::new() };
    stage.beat(BeatKind::Arrived, 0);
    if outbound {
        stage.outbound(&plan);
    } else {
        stage.inbound(&plan);
    }
    let recording = stage.recording(&plan);
    let Stage { root, agents, mut beats, .. } = stage;
    // Stable: what happens at the same moment keeps its order.
    beats.sort_by_key(|beat| beat.at);
    Call { seed, plan, root, agents, beats, recording }
}

struct Stage {
    now: DateTime<Utc>,
    root: Leg,
    agents: Vec<Leg>,
    beats: Vec<Beat>,
}

impl Stage {
    fn beat(&mut self, kind: BeatKind, leg: usize) {
        self.beats.push(Beat { at: self.now, kind, leg });
    }

    fn wait(&mut self, seconds: u32) {
        self.now += TimeDelta::seconds(i64::from(seconds));
    }

    /// An agent's phone begins to ring. Returns the number of the leg.
    fn ring(&mut self, agent: Agent) -> usize {
        self.wait(STEP);
        let number = self.agents.len() + 1;
        let (started_at, end) = (self.now, End::NoAnswer);
        self.agents.push(Leg { number, agent: Some(agent), started_at, answered_at: None, ended_at: started_at, end });
        self.beat(BeatKind::Dialled, number);
        number
    }

    fn rings(&mut self, leg: usize, seconds: u32) {
        self.wait(STEP);
        self.beat(BeatKind::Rings, leg);
        self.wait(seconds);
    }

    fn leg_mut(&mut self, number: usize) -> &mut Leg {
        match number.checked_sub(1).and_then(|at| self.agents.get_mut(at)) {
            Some(leg) => leg,
            None => &mut self.root,
        }
    }

    fn answer(&mut self, leg: usize) {
        self.leg_mut(leg).answered_at = Some(self.now);
        self.beat(BeatKind::Answered, leg);
    }

    fn end_leg(&mut self, leg: usize, end: End) {
        let now = self.now;
        let ended = self.leg_mut(leg);
        ended.ended_at = now;
        ended.end = end;
        self.beat(BeatKind::LegEnded, leg);
    }

    fn end(&mut self, end: End) {
        self.root.ended_at = self.now;
        self.root.end = end;
        self.beat(BeatKind::Ended, 0);
    }

    fn outbound(&mut self, plan: &Plan) {
        self.wait(STEP);
        match plan.story {
            Story::OutboundBusy => {
                self.wait(STEP);
                self.end(End::Busy);
            }
            Story::OutboundNoAnswer => {
                self.rings(0, plan.rings_at_most);
                self.end(End::NoAnswer);
            }
            _ => {
                self.rings(0, plan.rings);
                self.answer(0);
                self.wait(plan.talks);
                self.end(End::Completed);
            }
        }
    }

    fn inbound(&mut self, plan: &Plan) {
        let [first, second] = plan.agents;
        match plan.story {
            Story::Missed => {
                let leg = self.ring(first);
                self.rings(leg, plan.rings_at_most);
                self.end_leg(leg, End::NoAnswer);
                self.wait(STEP);
                self.end(End::NoAnswer);
            }
            Story::GaveUp => {
                let leg = self.ring(first);
                self.rings(leg, plan.rings);
                self.end_leg(leg, End::Canceled);
                self.end(End::Canceled);
            }
            Story::Voicemail => {
                let leg = self.ring(first);
                self.rings(leg, plan.rings_at_most);
                self.end_leg(leg, End::NoAnswer);
                self.wait(STEP);
                self.beat(BeatKind::VoicemailStarted, 0);
                self.wait(plan.message);
                self.end(End::NoAnswer);
            }
            Story::BusyAgent => {
                let leg = self.ring(first);
                self.wait(STEP);
                self.end_leg(leg, End::Busy);
                self.wait(STEP);
                self.end(End::Busy);
            }
            Story::Overflow => {
                let leg = self.ring(first);
                self.rings(leg, plan.rings_at_most);
                self.end_leg(leg, End::NoAnswer);
                self.talk(second, plan);
            }
            Story::Queued => {
                self.wait(STEP);
                self.beat(BeatKind::Queued, 0);
                self.wait(plan.waits);
                self.talk(first, plan);
            }
            Story::Internal => self.talk(second, plan),
            Story::Held => self.held(first, plan),
            Story::BlindTransfer => self.blind_transfer(first, second, plan),
            Story::AttendedTransfer => self.attended_transfer(first, second, plan),
            _ => self.talk(first, plan),
        }
    }

    /// An agent's phone rings, and the agent answers.
    fn reach(&mut self, agent: Agent, rings: u32) -> usize {
        let leg = self.ring(agent);
        self.rings(leg, rings);
        self.answer(leg);
        leg
    }

    fn hang_up(&mut self, leg: usize) {
        self.end_leg(leg, End::Completed);
        self.end(End::Completed);
    }

    fn talk(&mut self, agent: Agent, plan: &Plan) {
        let leg = self.reach(agent, plan.rings);
        self.wait(plan.talks);
        self.hang_up(leg);
    }

    fn held(&mut self, agent: Agent, plan: &Plan) {
        let leg = self.reach(agent, plan.rings);
        self.wait(plan.talks / 2 + STEP);
        self.beat(BeatKind::Held, leg);
        self.wait(plan.holds);
        self.beat(BeatKind::Resumed, leg);
        self.wait(plan.talks / 2 + STEP);
        self.hang_up(leg);
    }

    fn blind_transfer(&mut self, first: Agent, second: Agent, plan: &Plan) {
        let leg = self.reach(first, plan.rings);
        self.wait(plan.talks);
        self.beat(BeatKind::Transferred { to: leg + 1 }, leg);
        self.end_leg(leg, End::Completed);
        let next = self.reach(second, plan.rings);
        self.wait(plan.talks_on);
        self.hang_up(next);
    }

    fn attended_transfer(&mut self, first: Agent, second: Agent, plan: &Plan) {
        let leg = self.reach(first, plan.rings);
        self.wait(plan.talks);
        let next = self.reach(second, plan.rings);
        self.wait(5);
        self.beat(BeatKind::Transferred { to: next }, leg);
        self.end_leg(leg, End::Completed);
        self.wait(plan.talks_on);
        self.hang_up(next);
    }

    /// The message, or the talk from the first answer to the end of the call.
    fn recording(&mut self, plan: &Plan) -> Option<Recording> {
        let answered = std::iter::once(&self.root).chain(&self.agents).filter_map(|leg| leg.answered_at).min();
        let voicemail = plan.story == Story::Voicemail;
        let started_at = if voicemail {
            self.beats.iter().find(|beat| beat.kind == BeatKind::VoicemailStarted)?.at
        } else {
            answered.filter(|_| plan.recorded)?
        };
        let seconds = crate::call::seconds(started_at, self.root.ended_at);
        self.wait(UPLOAD);
        self.beat(BeatKind::RecordingReady, 0);
        Some(Recording { started_at, seconds, voicemail })
    }
}
