// The vendors' Node packages behind a line protocol: one JSON object a line in, one out. See crosscheck/node.py.
// The first argument is the folder whose node_modules holds the packages.
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(resolve(process.argv[2], "package.json"));

// Some packages print warnings; standard output is for answers alone.
for (const level of ["log", "info", "warn", "debug"]) console[level] = () => {};

const loaded = new Map();
const load = (name) => {
  if (!loaded.has(name)) loaded.set(name, require(name));
  return loaded.get(name);
};

/** A form as frameworks decode it: repeated names become lists. */
function decode(form) {
  const params = {};
  for (const [name, value] of new URLSearchParams(form)) {
    if (!Object.hasOwn(params, name)) params[name] = value;
    else params[name] = [params[name], value].flat();
  }
  return params;
}

/** Lists of one value as the value itself: what frameworks hand over. */
const single = (params) =>
  Object.fromEntries(Object.entries(params).map(([name, values]) => [name, values.length === 1 ? values[0] : values]));

const webhook = (name, secret) => new (load(name).Webhook)(secret);

const operations = {
  "twilio.sign": ({ key, url, params }) => load("twilio").getExpectedTwilioSignature(key, url, single(params)),
  "twilio.verify": ({ key, signature, url, form, body }) =>
    body === null
      ? load("twilio").validateRequest(key, signature, url, decode(form))
      : load("twilio").validateRequestWithBody(key, signature, url, body),

  "signalwire.verify": ({ key, signature, url, form, body }) => {
    const { RestClient } = load("@signalwire/compatibility-api");
    return body === null
      ? RestClient.validateRequest(key, signature, url, decode(form), true)
      : RestClient.validateRequestWithBody(key, signature, url, body);
  },

  "telnyx.verify": async ({ key, headers, body }) => {
    // What `client.webhooks.unwrap` calls before it parses the body as JSON, which forms are not.
    await new (load("telnyx/lib/webhooks").TelnyxWebhook)(key).verify(body, headers);
    return true;
  },

  "vonage.sign": ({ claims, key, algorithm }) => {
    // The package of Vonage signs with RS256 alone; this is the library below it.
    const below = createRequire(require.resolve("@vonage/jwt"));
    return below("jsonwebtoken").sign(claims, key, { algorithm });
  },
  "vonage.verify": ({ token, secret }) => load("@vonage/jwt").verifySignature(token, secret),

  "plivo.verify": ({ method, url, nonce, token, signature, form }) =>
    load("plivo").validateV3Signature(method, url, nonce, token, signature, decode(form)),

  "cloudevents.build": ({ events, mode }) => {
    const { CloudEvent, HTTP } = load("cloudevents");
    const built = events.map((event) => new CloudEvent(event));
    if (mode === "batch") {
      const headers = { "content-type": "application/cloudevents-batch+json" };
      return { headers, body: JSON.stringify(built) };
    }
    return HTTP[mode](built[0]);
  },

  "webhook.sign": ({ module, secret, id, timestamp, body }) =>
    webhook(module, secret).sign(id, new Date(timestamp * 1000), body),
  "webhook.verify": ({ module, secret, headers, body }) => {
    webhook(module, secret).verify(body, headers, { jsonParse: false });
    return true;
  },
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { operation, ...given } = JSON.parse(line);
  let answer;
  try {
    answer = { result: await operations[operation](given) };
  } catch (error) {
    answer = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
