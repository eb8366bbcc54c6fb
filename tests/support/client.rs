//! A GraphQL client that is no browser: signs in, keeps the bearer token, asks.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::server::{Account, Server};
use super::socket::Socket;

const LOGIN: &str = "mutation($email: String!, $password: String!) { login(input: {email: $email, password: $password}) { accessToken refreshToken } }";

/// One entry of `errors`.
#[derive(Clone, Debug, Deserialize)]
pub struct GraphQlError {
    pub message: String,
    #[serde(default)]
    pub path: Vec<Value>,
    #[serde(default)]
    pub extensions: Value,
}

impl GraphQlError {
    /// `extensions.code`, or the empty string.
    pub fn code(&self) -> &str {
        self.extensions.get("code").and_then(Value::as_str).unwrap_or_default()
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// `Value::Null` when there was none.
    pub data: Value,
    pub errors: Vec<GraphQlError>,
}

/// Somebody who talks to one server.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    server: String,
    pub access_token: Option<String>,
    pub refresh_token: Option<String>,
}

impl Client {
    /// Not signed in.
    pub fn anonymous(server: &Server) -> Self {
        Self { http: reqwest::Client::new(), server: server.url(""), access_token: None, refresh_token: None }
    }

    /// Signed in with a password. Panics when that fails.
    pub async fn login(server: &Server, account: &Account) -> Self {
        let mut client = Self::anonymous(server);
        let data = client.query(LOGIN, json!({"email": account.email, "password": account.password})).await;
        let token = |name: &str| data.pointer(&format!("/login/{name}")).and_then(Value::as_str).map(str::to_owned);
        client.access_token = token("accessToken");
        client.refresh_token = token("refreshToken");
        assert!(client.access_token.is_some(), "login gave no access token");
        client
    }

    /// Sends a document and returns whatever comes back.
    pub async fn execute(&self, document: &str, variables: Value) -> Answer {
        let mut request = self.http.post(format!("{}/graphql", self.server));
        if let Some(token) = &self.access_token {
            request = request.bearer_auth(token);
        }
        let response =
            request.json(&json!({"query": document, "variables": variables})).send().await.expect("the server answers");
        let status = response.status();
        let text = response.text().await.expect("the answer has a body");
        let mut body: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status}, and not JSON ({error}): {text}"));
        let errors = body.get_mut("errors").map_or_else(|| json!([]), Value::take);
        Answer {
            status,
            data: body.get_mut("data").map(Value::take).unwrap_or_default(),
            errors: serde_json::from_value(errors).expect("errors have a message"),
        }
    }

    /// The data of a document that must succeed.
    pub async fn query(&self, document: &str, variables: Value) -> Value {
        let answer = self.execute(document, variables).await;
        assert!(answer.errors.is_empty(), "{document}\nfailed with {}: {:?}", answer.status, answer.errors);
        answer.data
    }

    /// The errors of a document that must fail.
    pub async fn errors(&self, document: &str, variables: Value) -> Vec<GraphQlError> {
        let answer = self.execute(document, variables).await;
        assert!(!answer.errors.is_empty(), "{document}\nsucceeded with {}: {}", answer.status, answer.data);
        answer.errors
    }

    /// Opens a WebSocket with the bearer token and subscribes to the document.
    pub async fn subscribe(&self, document: &str, variables: Value) -> Socket {
        let mut socket = Socket::open(&self.server, &[]).await.expect("the WebSocket is accepted");
        let payload = self.access_token.as_ref().map(|token| json!({"authorization": format!("Bearer {token}")}));
        socket.init(payload.unwrap_or_default()).await;
        socket.subscribe(document, variables).await;
        socket
    }
}
