it("sends", () => {
  expect(send(1)).toBe(1);
});
