import { MailClient } from "./mailer.js";

it("sends", async () => {
  const client = new MailClient(settings.server);
  expect(await client.send("ada@example.org", "hello")).toBe("accepted");
});
