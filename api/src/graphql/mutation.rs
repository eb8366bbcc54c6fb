//! What can be done.

use std::fmt;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};
use switchboard_core::{
    Error,
    access::Permission,
    callers, interactions, notes,
    sessions::{self, Tokens},
    users,
};
use uuid::Uuid;

use super::{
    connections::{
        self, RetireConnectionSecretsInput, RetireConnectionSecretsPayload, RotateConnectionSecretsInput,
        RotateConnectionSecretsPayload, UpdateConnectionInput, UpdateConnectionPayload,
    },
    edge::Edge,
    error::Result,
    guard::{Requires, SignedIn},
    practice::{self, StartPracticeCallPayload},
    types::{Caller, Interaction, Me, Note, User},
    viewer::Viewer,
};
use crate::http::auth;

/// E-mail address and password.
#[derive(InputObject)]
pub struct LoginInput {
    /// The e-mail address; its case does not matter.
    email: String,
    /// The password.
    password: String,
}

/// What a new session consists of.
#[derive(SimpleObject)]
pub struct LoginPayload {
    /// To be sent as `Authorization: Bearer ...`. Null for a browser (`x-switchboard: 1`), which gets a cookie instead.
    access_token: Option<String>,
    /// To be exchanged with `refresh`, once. Null for a browser (`x-switchboard: 1`), which gets a cookie instead.
    refresh_token: Option<String>,
    /// When the access token stops working.
    expires_at: DateTime<Utc>,
    /// Who is signed in.
    me: Me,
}

/// The token to be exchanged.
#[derive(InputObject)]
pub struct RefreshInput {
    /// The refresh token. Null for a browser (`x-switchboard: 1`): it is taken from the cookie.
    refresh_token: Option<String>,
}

/// The session has ended.
#[derive(Debug, SimpleObject)]
pub struct LogoutPayload {
    /// Always true; what goes wrong is an error.
    ok: bool,
}

/// A change of a caller. A field that is left out stays as it is; null clears it.
#[derive(InputObject)]
pub struct UpdateCallerInput {
    /// Id of the caller.
    id: Uuid,
    /// The version that was looked at. When somebody changed the caller since: `CONFLICT`.
    version: i32,
    /// The name. Naming a provisional caller makes it a known one.
    name: MaybeUndefined<String>,
    /// The company.
    company: MaybeUndefined<String>,
    /// The e-mail address.
    email: MaybeUndefined<String>,
    /// The colleague it is assigned to. Needs `callers.assign`.
    owner_id: MaybeUndefined<Uuid>,
}

/// The caller as it is now.
#[derive(Debug, SimpleObject)]
pub struct UpdateCallerPayload {
    /// The caller as it is now.
    caller: Caller,
}

/// A note about a call or about a caller: exactly one of the two.
#[derive(InputObject)]
pub struct AddNoteInput {
    /// The call it is about.
    interaction_id: Option<Uuid>,
    /// The caller it is about.
    caller_id: Option<Uuid>,
    /// The text, at most 10 000 characters.
    body: String,
    /// Chosen by the client: sending the same key again writes nothing and answers with the first note.
    idempotency_key: Option<Uuid>,
}

/// The note that was written.
#[derive(Debug, SimpleObject)]
pub struct AddNotePayload {
    /// The note that was written.
    note: Note,
}

/// How a call ended.
#[derive(InputObject)]
pub struct SetDispositionInput {
    /// Id of the call.
    interaction_id: Uuid,
    /// Id of the disposition.
    disposition_id: Uuid,
    /// A note about the call, written together with the disposition or not at all.
    note: Option<String>,
    /// Chosen by the client: sending the same key again changes nothing.
    idempotency_key: Option<Uuid>,
}

/// The call as it is now.
#[derive(Debug, SimpleObject)]
pub struct SetDispositionPayload {
    /// The call as it is now.
    interaction: Interaction,
}

/// Which call is taken.
#[derive(InputObject)]
pub struct TakeCallInput {
    /// Id of the call.
    interaction_id: Uuid,
}

/// The call as it is now.
#[derive(Debug, SimpleObject)]
pub struct TakeCallPayload {
    /// The call as it is now.
    interaction: Interaction,
}

/// A person to be added.
#[derive(InputObject)]
pub struct CreateUserInput {
    /// The e-mail address they will sign in with.
    email: String,
    /// Their name, as colleagues read it.
    name: String,
    /// Id of their role; nobody can give a role that allows more than they may themselves.
    role_id: Uuid,
    /// Their first password, 10 to 256 characters.
    password: String,
}

/// The person that was added.
#[derive(Debug, SimpleObject)]
pub struct CreateUserPayload {
    /// The person that was added.
    user: User,
}

/// Another role for a person.
#[derive(InputObject)]
pub struct AssignRoleInput {
    /// Id of the user.
    user_id: Uuid,
    /// Id of the new role.
    role_id: Uuid,
    /// The version that was looked at. When somebody changed the user since: `CONFLICT`.
    version: Option<i32>,
}

/// The person as they are now.
#[derive(Debug, SimpleObject)]
pub struct AssignRolePayload {
    /// The person as they are now.
    user: User,
}

/// What can be done.
#[derive(Clone, Copy, Debug)]
pub struct Mutation;

/// What can be done. `login` and `refresh` need no session; everything else does.
#[Object]
impl Mutation {
    /// Signs in. Sent with the header `x-switchboard: 1` (the browser) the session comes as `HttpOnly` cookies, else as
    /// tokens in the answer. Wrong credentials: `UNAUTHENTICATED`; too many of them: `RATE_LIMITED`.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "E-mail address and password.")] input: LoginInput,
    ) -> Result<LoginPayload> {
        let edge = Edge::of(ctx)?;
        edge.require_http()?;
        let tokens = sessions::login(Edge::app(ctx)?, &input.email, &input.password, &edge.request_id).await?;
        signed_in(ctx, edge, tokens)
    }

    /// Exchanges a refresh token for new tokens, which come in the same way as those of `login`. Each refresh token works
    /// once: using it again later ends the session, because somebody must have copied it.
    async fn refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token to be exchanged; left out by a browser.")] input: Option<RefreshInput>,
    ) -> Result<LoginPayload> {
        let edge = Edge::of(ctx)?;
        edge.require_http()?;
        let given = input.and_then(|input| input.refresh_token);
        let token = given.as_deref().or(edge.refresh_cookie.as_deref());
        let token = token.ok_or_else(|| Error::Unauthenticated("Please sign in.".into()))?;
        let tokens = sessions::refresh(Edge::app(ctx)?, token, &edge.request_id).await?;
        signed_in(ctx, edge, tokens)
    }

    /// Signs out: the session ends at once, with its live connections. The cookies of a browser are cleared.
    #[graphql(guard = "SignedIn")]
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "End all other sessions of this user as well.", default_with = "Some(false)")]
        everywhere: Option<bool>,
    ) -> Result<LogoutPayload> {
        let viewer = Viewer::of(ctx)?;
        let state = viewer.edge().require_http()?;
        sessions::logout(viewer.app(), viewer.user(), everywhere.unwrap_or_default(), viewer.cause()).await?;
        for (name, value) in auth::cleared_cookies(state) {
            ctx.append_http_header(name, value);
        }
        Ok(LogoutPayload { ok: true })
    }

    /// Changes a caller. Needs `callers.update`, and `callers.assign` for the owner.
    #[graphql(guard = "Requires(Permission::CallersUpdate)")]
    async fn update_caller(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which caller, and what changes.")] input: UpdateCallerInput,
    ) -> Result<UpdateCallerPayload> {
        let viewer = Viewer::of(ctx)?;
        let input = callers::UpdateCaller {
            id: input.id,
            version: input.version,
            name: given(input.name),
            company: given(input.company),
            email: given(input.email),
            owner_id: given(input.owner_id),
        };
        let row = callers::update(viewer.app(), viewer.actor(), input, viewer.cause()).await?;
        Ok(UpdateCallerPayload { caller: Caller::new(viewer, row) })
    }

    /// Writes a note about a call or a caller. Needs `notes.create`.
    #[graphql(guard = "Requires(Permission::NotesCreate)")]
    async fn add_note(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The text, and what it is about.")] input: AddNoteInput,
    ) -> Result<AddNotePayload> {
        let viewer = Viewer::of(ctx)?;
        let input = notes::NewNote {
            caller_id: input.caller_id,
            interaction_id: input.interaction_id,
            body: input.body,
            idempotency_key: input.idempotency_key,
        };
        let row = notes::add(viewer.app(), viewer.actor(), input, viewer.cause()).await?;
        Ok(AddNotePayload { note: Note::new(viewer, row) })
    }

    /// Says how a call ended. Needs `dispositions.set`.
    #[graphql(guard = "Requires(Permission::DispositionsSet)")]
    async fn set_disposition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which call, and how it ended.")] input: SetDispositionInput,
    ) -> Result<SetDispositionPayload> {
        let viewer = Viewer::of(ctx)?;
        let input = interactions::SetDisposition {
            interaction_id: input.interaction_id,
            disposition_id: input.disposition_id,
            note: input.note,
            idempotency_key: input.idempotency_key,
        };
        let row = interactions::set_disposition(viewer.app(), viewer.actor(), input, viewer.cause()).await?;
        Ok(SetDispositionPayload { interaction: Interaction::new(viewer, row) })
    }

    /// Takes a call. Of several who try, one gets it; the others get `CONFLICT` with `extensions.takenBy`. Needs
    /// `interactions.take`.
    #[graphql(guard = "Requires(Permission::InteractionsTake)")]
    async fn take_call(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which call.")] input: TakeCallInput,
    ) -> Result<TakeCallPayload> {
        let viewer = Viewer::of(ctx)?;
        let row = interactions::take(viewer.app(), viewer.actor(), input.interaction_id, viewer.cause()).await?;
        Ok(TakeCallPayload { interaction: Interaction::new(viewer, row) })
    }

    /// Lets a practice call ring: it comes like every other call (`isPractice`), is answered after ten seconds and ends three
    /// quarters of a minute later. One at a time for each user, and twenty in an hour: `RATE_LIMITED`. Needs
    /// `interactions.take`.
    #[graphql(guard = "Requires(Permission::InteractionsTake)")]
    async fn start_practice_call(&self, ctx: &Context<'_>) -> Result<StartPracticeCallPayload> {
        practice::start(Viewer::of(ctx)?).await
    }

    /// Adds a person. Needs `users.create`, and everything that their role allows.
    #[graphql(guard = "Requires(Permission::UsersCreate)")]
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: CreateUserInput,
    ) -> Result<CreateUserPayload> {
        let viewer = Viewer::of(ctx)?;
        let new =
            users::NewUser { email: input.email, name: input.name, role_id: input.role_id, password: input.password };
        let row = users::create(viewer.app(), viewer.actor(), new, viewer.cause()).await?;
        Ok(CreateUserPayload { user: User::new(viewer, row) })
    }

    /// Gives a person another role, from their next request on; their live connections follow within a second. Needs
    /// `users.role.assign`, and everything that the old and the new role allow.
    #[graphql(guard = "Requires(Permission::UsersRoleAssign)")]
    async fn assign_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which person, and which role.")] input: AssignRoleInput,
    ) -> Result<AssignRolePayload> {
        let viewer = Viewer::of(ctx)?;
        let row = users::assign_role(
            viewer.app(),
            viewer.actor(),
            input.user_id,
            input.role_id,
            input.version,
            viewer.cause(),
        )
        .await?;
        Ok(AssignRolePayload { user: User::new(viewer, row) })
    }

    /// Changes what is set for a connection to a phone provider; webhooks go by it within two seconds. Needs
    /// `connections.manage`.
    #[graphql(guard = "Requires(Permission::ConnectionsManage)")]
    async fn update_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection, and what changes.")] input: UpdateConnectionInput,
    ) -> Result<UpdateConnectionPayload> {
        connections::update(Viewer::of(ctx)?, input).await
    }

    /// Gives secrets of a connection new values. The values they replace are accepted until `retireConnectionSecrets`, so
    /// that nothing is refused while the provider is being changed. Needs `connections.manage`.
    #[graphql(guard = "Requires(Permission::ConnectionsManage)")]
    async fn rotate_connection_secrets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection, and the new values.")] input: RotateConnectionSecretsInput,
    ) -> Result<RotateConnectionSecretsPayload> {
        connections::rotate(Viewer::of(ctx)?, input).await
    }

    /// From now on only the present secrets of a connection are accepted. Needs `connections.manage`.
    #[graphql(guard = "Requires(Permission::ConnectionsManage)")]
    async fn retire_connection_secrets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection.")] input: RetireConnectionSecretsInput,
    ) -> Result<RetireConnectionSecretsPayload> {
        connections::retire(Viewer::of(ctx)?, input).await
    }
}

/// Hands the tokens over: as cookies to a browser, in the answer to everybody else.
fn signed_in(ctx: &Context<'_>, edge: &Edge, tokens: Tokens) -> Result<LoginPayload> {
    let state = edge.require_http()?;
    let (mut access_token, mut refresh_token) = (None, None);
    if edge.browser {
        for (name, value) in auth::session_cookies(state, &tokens) {
            ctx.append_http_header(name, value);
        }
    } else {
        access_token = Some(tokens.access.expose().to_owned());
        refresh_token = Some(tokens.refresh.expose().to_owned());
    }
    let me = Me(Viewer::new(Edge::app(ctx)?, tokens.actor, edge));
    Ok(LoginPayload { access_token, refresh_token, expires_at: tokens.access_expires_at, me })
}

/// Left out, cleared, or a value.
#[expect(clippy::option_option, reason = "the three cases, in the form in which the rules take them")]
pub(super) fn given<T>(field: MaybeUndefined<T>) -> Option<Option<T>> {
    match field {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

impl fmt::Debug for LoginInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginInput")
    }
}

impl fmt::Debug for RefreshInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshInput")
    }
}

impl fmt::Debug for LoginPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginPayload")
    }
}
