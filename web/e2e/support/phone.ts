import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { expect } from '@playwright/test';
import { env } from './env';

const ACCOUNT = `AC${'0'.repeat(32)}`;
const sid = () => `CA${randomBytes(16).toString('hex')}`;

/** A number of the range that is kept for fiction (+1 NXX 555-01XX), different enough between runs. */
export function freshNumber(): string {
  return `+1${randomInt(2, 9)}${randomInt(0, 8)}${randomInt(0, 9)}555${String(randomInt(100, 199)).padStart(4, '0')}`;
}

/** How a person reads the number; the server formats, so tests look for the digits. */
export function digitsPattern(e164: string): RegExp {
  return new RegExp([...e164.replace('+', '')].join('[^0-9]*'));
}

const ringing = new Set<PhoneCall>();

/** Ends every call of this run that is still going on. */
export async function hangUpEverything(): Promise<void> {
  for (const call of [...ringing]) await call.complete();
}

/** The phone provider's side of one call: signed form posts, as Twilio sends them. */
export class PhoneCall {
  readonly sid = sid();
  readonly child = sid();
  constructor(
    readonly from: string = freshNumber(),
    readonly to = '+14155550100',
    readonly token = env.twilioToken
  ) {}

  /** The first request of an incoming call. */
  async ring(): Promise<void> {
    ringing.add(this);
    await this.#post('voice', { ...this.#root(), CallStatus: 'ringing' });
  }
  /** A colleague's phone is rung, then picked up. */
  async answer(): Promise<void> {
    await this.#post('status', { ...this.#leg(), CallStatus: 'ringing', SequenceNumber: '1' });
    await this.#post('status', { ...this.#leg(), CallStatus: 'in-progress', SequenceNumber: '2' });
  }
  /** Both hang up. */
  async complete(talkSeconds = 49): Promise<void> {
    await this.#post('status', {
      ...this.#leg(),
      CallStatus: 'completed',
      SequenceNumber: '3',
      CallDuration: String(talkSeconds),
      Duration: '1'
    });
    await this.#post('dial', {
      ...this.#root(),
      CallStatus: 'in-progress',
      DialCallSid: this.child,
      DialCallStatus: 'completed',
      DialCallDuration: String(talkSeconds),
      DialBridged: 'true'
    });
    await this.#end(talkSeconds + 9);
  }
  /** The caller gives up before anybody answers. */
  async giveUp(): Promise<void> {
    await this.#post('status', { ...this.#leg(), CallStatus: 'no-answer', SequenceNumber: '2', CallDuration: '0', Duration: '0' });
    await this.#end(12);
  }

  async #end(seconds: number): Promise<void> {
    ringing.delete(this);
    await this.#post('status', {
      ...this.#root(),
      CallStatus: 'completed',
      SequenceNumber: '0',
      CallbackSource: 'call-progress-events',
      Timestamp: new Date().toUTCString().replace('GMT', '+0000'),
      CallDuration: String(seconds),
      Duration: '1'
    });
  }
  #root(): Record<string, string> {
    return {
      CallSid: this.sid,
      AccountSid: ACCOUNT,
      From: this.from,
      Caller: this.from,
      To: this.to,
      Called: this.to,
      Direction: 'inbound',
      ApiVersion: '2010-04-01',
      ToZip: ''
    };
  }
  #leg(): Record<string, string> {
    const to = '+14155550177';
    return {
      ...this.#root(),
      CallSid: this.child,
      ParentCallSid: this.sid,
      To: to,
      Called: to,
      Direction: 'outbound-dial',
      CallbackSource: 'call-progress-events',
      Timestamp: new Date().toUTCString().replace('GMT', '+0000')
    };
  }
  /** One report that a call is over, of which nothing rings: what the server says to it. For trying a signature. */
  async probe(path = 'twilio/status'): Promise<number> {
    return (await this.#send(path, { ...this.#root(), CallStatus: 'completed', CallDuration: '3', SequenceNumber: '0' })).status;
  }
  /** What the server tells the provider to do with a call that comes in; the call is over at once. */
  async asks(purpose: string): Promise<string> {
    return (await this.#send(`twilio/${purpose}`, { ...this.#root(), CallStatus: 'completed' })).text();
  }

  async #post(purpose: string, params: Record<string, string>): Promise<void> {
    const res = await this.#send(`twilio/${purpose}`, params);
    expect([200, 204], `the server's answer to the signed ${purpose} request`).toContain(res.status);
  }
  async #send(path: string, params: Record<string, string>): Promise<Response> {
    const url = `${env.url}/hooks/${path}`;
    const signed =
      url +
      Object.keys(params)
        .sort()
        .map((k) => k + params[k])
        .join('');
    return fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
        'user-agent': 'TwilioProxy/1.1',
        'x-twilio-signature': createHmac('sha1', this.token).update(signed).digest('base64')
      },
      body: new URLSearchParams(params),
      signal: AbortSignal.timeout(15_000)
    });
  }
}
