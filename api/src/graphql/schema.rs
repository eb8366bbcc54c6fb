//! How the schema is put together.

use async_graphql::Schema;
use switchboard_core::App;

use super::{limits, mutation::Mutation, query::Query, subscription::Subscription};

/// The schema. Cheap to clone.
pub type AppSchema = Schema<Query, Mutation, Subscription>;

/// The schema over an application.
pub fn schema(app: &App) -> AppSchema {
    limits::apply(Schema::build(Query, Mutation, Subscription)).data(app.clone()).finish()
}

/// The schema as text (SDL), the same every time. Needs no application: nothing is asked.
pub fn sdl() -> String {
    let options =
        async_graphql::SDLExportOptions::new().prefer_single_line_descriptions().use_space_ident().indent_width(2);
    let text = Schema::build(Query, Mutation, Subscription).finish().sdl_with_options(options);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim())
}
