// Requests to the service, with the token where there is one. The token is kept for this tab alone.

const TOKEN = "fashionlab-token";

export class NeedsToken extends Error {}

export const keepToken = (token) => sessionStorage.setItem(TOKEN, token);

/** What the service answers, as an object. Throws NeedsToken, or an Error that says why there is no answer. */
export async function ask(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: token ? { Authorization: `Bearer ${token}` } : {} });
  } catch {
    throw new Error("The service does not answer. Is it still running?");
  }
  if (answer.ok) return answer.json();
  if (answer.status === 401) throw new NeedsToken(token ? "The token is not the right one." : "A token is needed.");
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.message ?? `The service answers ${answer.status}.`);
}
