export async function pages() {
  try {
    return await client.pages();
  } catch (error) {
    throw new PagesUnavailable("the page service did not answer", { cause: error });
  }
}
