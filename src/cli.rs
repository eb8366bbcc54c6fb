//! The command line.

use clap::{Args, Parser, Subcommand};

pub use crate::commands::simulate::options::Simulate;
use crate::settings::Settings;

/// Telephony CRM: provider webhooks in, callers and calls out, live.
///
/// Without a command it serves everything in one process, on SQLite in ./data, at <http://127.0.0.1:8080>.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, about, long_about)]
pub struct Cli {
    /// Configuration.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve everything: webhooks, API, dashboard and workers, in one process (the default).
    Serve(Serve),
    /// Serve webhooks, API and dashboard; workers run elsewhere (distributed mode only).
    Api,
    /// Run workers; the API runs elsewhere (distributed mode only).
    Worker,
    /// Bring the database to this program's schema.
    Migrate,
    /// Print the GraphQL schema.
    Schema,
    /// Check the installation and say in plain words what is wrong.
    Doctor,
    /// Manage people from the command line.
    #[command(subcommand)]
    User(User),
    /// Manage connections to phone providers.
    #[command(subcommand)]
    Connection(Connection),
    /// Carry events of a phone system that has no webhooks to the CRM's hook (docs/asterisk.md).
    #[command(subcommand)]
    Bridge(crate::commands::bridge::Bridge),
    /// Play calls as the providers would: signed, with their formats, repetitions and disorder.
    Simulate(Simulate),
}

/// Options of `serve`.
#[derive(Args, Debug, Default)]
pub struct Serve {
    /// Fill an empty installation with believable people, callers and history, and let simulated calls come in.
    #[arg(long, env = "SWITCHBOARD_DEMO")]
    pub demo: bool,
}

/// People.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a person. The password is the first line of standard input.
    Create {
        /// Sign-in name.
        #[arg(long)]
        email: String,
        /// What colleagues read.
        #[arg(long)]
        name: String,
        /// Key of the role: agent, supervisor, admin, auditor, or a custom one.
        #[arg(long)]
        role: String,
        /// Read the password from standard input (the only way: arguments can be read by others on the machine).
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

/// Connections to phone providers.
#[derive(Debug, Subcommand)]
pub enum Connection {
    /// Add a connection, and print the URLs to paste at the provider.
    Add {
        /// Key of the provider, such as twilio. See: switchboard connection providers
        provider: String,
        /// A name, when there are several of one provider; its form in the URL is made from it. [default: the provider's
        /// name, without a part in the URL]
        #[arg(long)]
        name: Option<String>,
        /// A secret, such as `auth_token=…` (twilio) or `secret=whsec_…` (generic). Repeatable. `KEY=-` reads the value from
        /// standard input, so that it does not show in the list of processes.
        #[arg(long = "set", value_name = "KEY=VALUE", required = true)]
        set: Vec<String>,
        /// ISO 3166 country (e.g. DE) of numbers that come in national format.
        #[arg(long)]
        default_region: Option<String>,
    },
    /// List the connections with their URLs; never their secrets.
    List,
    /// Show a connection: its URLs, what is set for it, which secrets it has (never their values), what monitor mode saw.
    Show {
        /// Its id, or the part of its URL such as `twilio` or `twilio.berlin`.
        connection: String,
    },
    /// Change what is set for a connection. Running servers go by it within two seconds.
    Set {
        /// Its id, or the part of its URL such as `twilio` or `twilio.berlin`.
        connection: String,
        /// What changes.
        #[command(flatten)]
        change: ConnectionChange,
    },
    /// Give secrets of a connection new values. Those they replace are accepted until `retire`.
    Rotate {
        /// Its id, or the part of its URL such as `twilio` or `twilio.berlin`.
        connection: String,
        /// A new value, such as `auth_token=…`. Repeatable. `KEY=-` reads the value from standard input, so that it does not
        /// show in the list of processes.
        #[arg(long = "set", value_name = "KEY=VALUE", required_unless_present = "remove")]
        set: Vec<String>,
        /// A secret that is not needed any more. Repeatable.
        #[arg(long, value_name = "KEY")]
        remove: Vec<String>,
    },
    /// From now on accept only the present secrets of a connection, and not those that they replaced.
    Retire {
        /// Its id, or the part of its URL such as `twilio` or `twilio.berlin`.
        connection: String,
    },
    /// List the providers that can be connected, with their secrets, options and purposes.
    Providers,
    /// Remove a connection: its URL answers 404 from then on; its calls stay.
    Remove {
        /// Its id, or the part of its URL such as `twilio` or `twilio.berlin`.
        connection: String,
    },
}

/// What changes about a connection. What is left out stays as it is.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub struct ConnectionChange {
    /// Its name; '' for the provider's.
    #[arg(long)]
    pub name: Option<String>,
    /// ISO 3166 country (e.g. DE) of numbers that come in national format; '' for none.
    #[arg(long)]
    pub default_region: Option<String>,
    /// An option of the provider; an empty value takes it back to its default. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    pub option: Vec<String>,
    /// What is answered where the answer steers the call: a file in the provider's language (such as TwiML). An empty name
    /// of a file removes the answer. Repeatable.
    #[arg(long, value_name = "PURPOSE=FILE")]
    pub answer: Vec<String>,
    /// Monitor mode: accept and count requests that fail verification, for so long from now (30m, 24h, 7d), or off.
    #[arg(long, value_name = "TIME|off")]
    pub monitor: Option<String>,
    /// Seconds that the time of a signature may be off: 30 to 3600.
    #[arg(long, value_name = "SECONDS")]
    pub clock_skew: Option<u32>,
    /// Scheme and host under which the provider calls this connection; '' for the public URL.
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Take scheme and host of the signed URL from the forwarding headers of trusted proxies.
    #[arg(long, value_name = "true|false")]
    pub trust_forwarded: Option<bool>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
