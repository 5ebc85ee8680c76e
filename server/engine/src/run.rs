//! The run's state machine: `advance(plan, state, event) -> commands`, pure and total.
