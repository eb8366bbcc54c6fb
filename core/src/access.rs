//! Who may do what: the catalogue of permissions, their scopes, and the actor of every action.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

use crate::{Error, Result};

/// How far a permission reaches. Ordered: a wider scope includes the narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// What is mine, or nobody's yet.
    Own,
    /// What is my team's.
    Team,
    /// Everything.
    All,
}

impl Scope {
    /// Stored and shown form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Team => "team",
            Self::All => "all",
        }
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(s: &str) -> Result<Self, ()> {
        [Self::Own, Self::Team, Self::All].into_iter().find(|scope| scope.as_str() == s).ok_or(())
    }
}

macro_rules! permissions {
    ($($variant:ident $name:literal $scoped:literal $doc:literal),* $(,)?) => {
        /// Everything that can be allowed, as `resource.action`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $(#[doc = $doc] $variant),* }

        impl Permission {
            /// The whole catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Stored and shown form, e.g. `callers.read`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Does it make sense with a scope? Others are always granted with [`Scope::All`] and shown without.
            pub fn is_scoped(self) -> bool {
                match self { $(Self::$variant => $scoped),* }
            }

            /// What it allows, as a sentence for people.
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $doc),* }
            }
        }
    };
}

permissions! {
    CallersRead "callers.read" true "See callers.",
    CallersUpdate "callers.update" true "Change callers' details.",
    CallersAssign "callers.assign" true "Assign callers to a colleague.",
    CallersReadNumbers "callers.read_numbers" true "See phone numbers and e-mail addresses in full.",
    InteractionsRead "interactions.read" true "See calls.",
    InteractionsTake "interactions.take" false "Take a call.",
    NotesRead "notes.read" true "Read notes.",
    NotesCreate "notes.create" true "Write notes.",
    DispositionsSet "dispositions.set" true "Set how a call ended.",
    UsersRead "users.read" false "See people and their roles.",
    UsersCreate "users.create" false "Add people.",
    UsersRoleAssign "users.role.assign" false "Change people's roles.",
    RolesRead "roles.read" false "See roles and what they allow.",
    ConnectionsRead "connections.read" false "See the connections to phone providers.",
    ConnectionsManage "connections.manage" false "Add and remove connections to phone providers.",
    DeadLettersRead "dead_letters.read" false "See deliveries that could not be applied.",
    AuditRead "audit.read" false "Read the record of changes.",
    AuditReadValues "audit.read_values" false "See personal values inside the record of changes.",
}

impl FromStr for Permission {
    type Err = ();

    fn from_str(s: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == s).ok_or(())
    }
}

/// What one actor may do: each permission with the widest scope granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions(BTreeMap<Permission, Scope>);

impl Permissions {
    /// Adds a grant; the wider scope wins.
    pub fn grant(&mut self, permission: Permission, scope: Scope) {
        let entry = self.0.entry(permission).or_insert(scope);
        *entry = (*entry).max(scope);
    }

    /// The scope of a permission, or `None` when it is not granted.
    pub fn scope(&self, permission: Permission) -> Option<Scope> {
        self.0.get(&permission).copied()
    }

    /// Does this include everything that `other` grants? Nobody may hand out what they lack.
    pub fn includes(&self, other: &Self) -> bool {
        other.0.iter().all(|(permission, scope)| self.scope(*permission).is_some_and(|own| own >= *scope))
    }

    /// `callers.read:own`, `users.create`, ... in order.
    pub fn to_strings(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|(permission, scope)| {
                if permission.is_scoped() {
                    format!("{}:{}", permission.as_str(), scope.as_str())
                } else {
                    permission.as_str().to_owned()
                }
            })
            .collect()
    }
}

impl FromIterator<(Permission, Scope)> for Permissions {
    fn from_iter<I: IntoIterator<Item = (Permission, Scope)>>(grants: I) -> Self {
        let mut permissions = Self::default();
        for (permission, scope) in grants {
            permissions.grant(permission, scope);
        }
        permissions
    }
}

/// A signed-in person, as of the start of this request.
#[derive(Clone, Debug)]
pub struct UserActor {
    /// The user.
    pub id: Uuid,
    /// For the eyes of colleagues and the audit record's reader; never for logs.
    pub name: String,
    /// Sign-in name.
    pub email: String,
    /// Their role.
    pub role_id: Uuid,
    /// The sign-in that this request belongs to.
    pub session_id: Uuid,
    /// What they may do.
    pub permissions: Arc<Permissions>,
}

/// Who acts. Every write has one, and the audit record names it.
#[derive(Clone, Debug)]
pub enum Actor {
    /// A person.
    User(UserActor),
    /// A phone provider, through one connection.
    Connection(Uuid),
    /// The program itself: a timer, the command line, the set-up.
    System(&'static str),
}

impl Actor {
    /// The person, or [`Error::Unauthenticated`].
    pub fn user(&self) -> Result<&UserActor> {
        match self {
            Self::User(user) => Ok(user),
            _ => Err(Error::Unauthenticated("Please sign in.".into())),
        }
    }

    /// The scope in which the actor has the permission. The program and its command line may do everything; a phone
    /// connection has no permissions: what it causes is written by ingestion alone.
    pub fn scope(&self, permission: Permission) -> Option<Scope> {
        match self {
            Self::User(user) => user.permissions.scope(permission),
            Self::Connection(_) => None,
            Self::System(_) => Some(Scope::All),
        }
    }

    /// The scope, or [`Error::Forbidden`].
    pub fn require(&self, permission: Permission) -> Result<Scope> {
        self.scope(permission).ok_or(Error::Forbidden(permission.as_str()))
    }

    /// `user`, `connection` or `system`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Connection(_) => "connection",
            Self::System(_) => "system",
        }
    }

    /// The row behind it, if there is one.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::User(user) => Some(user.id),
            Self::Connection(id) => Some(*id),
            Self::System(_) => None,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
