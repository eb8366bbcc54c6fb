/**
 * The server's clock as seen from here: `skew` is server time minus this computer's, so that timers are right on a badly set PC.
 * The answer's way back is not measured; it is far below the second that a timer shows.
 */
class ServerClock {
  skew = 0;
  /** Server time in ms since the epoch; moves once a second. One timer for every counter on the page. */
  now = $state(Date.now());

  constructor() {
    setInterval(() => this.tick(), 1000);
  }
  set(serverTime: string): void {
    const t = Date.parse(serverTime);
    if (Number.isNaN(t)) return;
    this.skew = t - Date.now();
    this.tick();
  }
  tick(): void {
    this.now = Date.now() + this.skew;
  }
}
export const serverClock = new ServerClock();
