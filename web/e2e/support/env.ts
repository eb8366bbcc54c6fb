/** What the browser tests need to know about the server under test. A missing variable is an error that says its name. */
function need(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(
      `${name} is not set. The browser tests need a running server; \`make test\` starts one and sets all SWITCHBOARD_E2E_* variables.`
    );
  return value;
}

export type Account = { email: string; password: string };

export const env = {
  url: need('SWITCHBOARD_E2E_URL').replace(/\/$/, ''),
  admin: { email: need('SWITCHBOARD_E2E_ADMIN_EMAIL'), password: need('SWITCHBOARD_E2E_ADMIN_PASSWORD') } satisfies Account,
  agent: { email: need('SWITCHBOARD_E2E_AGENT_EMAIL'), password: need('SWITCHBOARD_E2E_AGENT_PASSWORD') } satisfies Account,
  twilioToken: need('SWITCHBOARD_E2E_TWILIO_TOKEN'),
  artifacts: need('SWITCHBOARD_E2E_ARTIFACTS')
};
