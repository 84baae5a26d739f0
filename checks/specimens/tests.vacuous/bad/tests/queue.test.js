it("sends", () => {
  send(1);
});

it.skip("receives", () => {
  expect(receive()).toBe(1);
});
