// Ways through the panel whose clicks are counted: by a story, which holds them to the goal, and by the figures.

/** From the overview to why an object's task failed, and what to do: how many clicks, and what is read there. */
export async function toCauseAndRemedy(page, origin, heading) {
  await page.goto(`${origin}/`);
  let clicks = 0;
  const click = async (place) => {
    await place.click();
    clicks += 1;
  };
  const failing = page.locator('section.card', { has: page.getByRole('heading', { name: 'Failing now' }) });
  await click(failing.locator('[data-open]', { hasText: heading }).first());
  const trouble = page.locator('section.problem');
  await trouble.waitFor();
  // What is folded away is not there for whoever reads: it has no box, and would cost a click.
  const seen = async (place) => (await place.first().isVisible()) && (await place.first().innerText()).trim();
  const told = (what) => trouble.locator('dl > div', { has: page.locator('dt', { hasText: what }) }).locator('dd');
  return {
    clicks,
    title: await seen(trouble.locator('h2')),
    causes: await seen(trouble.locator('.causes')),
    where: await seen(told('Where')),
    undone: await seen(told('What was undone')),
    remedy: await seen(told('What to do')),
  };
}
