//! The schema's history; never imports the entities, because a migration is frozen in time.
