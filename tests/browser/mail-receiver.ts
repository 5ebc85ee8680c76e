// A mail server as small as the protocol allows: it keeps what it takes, and refuses as often as it is told.
import { createServer, type Socket } from "node:net";

export interface MailReceiver {
  port: number;
  /** Whole messages as they came. */
  received: string[];
  /** Refuses this many mails for now (451). */
  failFirst: number;
  stop: () => Promise<void>;
}

export async function startMailReceiver(): Promise<MailReceiver> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    // A client that leaves in the middle is no failure of the test.
    socket.on("error", () => undefined);
    let text = "";
    let inMessage = false;
    const say = (line: string) => socket.write(`${line}\r\n`);
    const message = () => {
      const end = text.indexOf("\r\n.\r\n");
      if (end < 0) return false;
      const whole = text.slice(0, end);
      text = text.slice(end + 5);
      inMessage = false;
      if (receiver.failFirst > 0) {
        receiver.failFirst -= 1;
        say("451 4.3.0 come back later");
      } else {
        receiver.received.push(whole);
        say("250 2.0.0 taken");
      }
      return true;
    };
    const command = () => {
      const end = text.indexOf("\r\n");
      if (end < 0) return false;
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line.startsWith("DATA")) {
        inMessage = true;
        say("354 go on");
      } else if (line.startsWith("QUIT")) {
        socket.end("221 bye\r\n");
      } else {
        say("250 ok");
      }
      return true;
    };
    say("220 receiver ready");
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("utf8");
      while (inMessage ? message() : command());
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", () => done()));
  const address = server.address();
  const receiver: MailReceiver = {
    port: typeof address === "object" && address ? address.port : 0,
    received: [],
    failFirst: 0,
    stop: () =>
      new Promise((done) => {
        open.forEach((socket) => socket.destroy());
        server.close(() => done());
      }),
  };
  return receiver;
}
