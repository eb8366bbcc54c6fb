//! The HTTP edge: provider webhooks, GraphQL, health, metrics and the dashboard.
