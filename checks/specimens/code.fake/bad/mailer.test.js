import nock from "nock";

jest.mock("./mailer");

class FakeMailClient {
  send() {
    return true;
  }
}
