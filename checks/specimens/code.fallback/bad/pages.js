export async function pages() {
  try {
    return await client.pages();
  } catch (error) {
    return [];
  }
}
