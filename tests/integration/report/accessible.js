// What a checker such as axe asks first, as a list of what is wrong; WCAG 2.2 AA for the contrast.
const wrong = [];
const all = (selector) => [...document.querySelectorAll(selector)];
if (document.documentElement.lang !== 'en') wrong.push('no language');
if (!document.title) wrong.push('no title');
if (all('h1').length !== 1) wrong.push('not one h1');
if (all('main').length !== 1) wrong.push('not one main');
for (const table of all('table')) {
  if (!table.caption?.innerText) wrong.push(`table ${table.id} without a caption`);
  for (const head of table.querySelectorAll('th'))
    if (head.scope !== 'col' || !head.innerText) wrong.push(`head in ${table.id}: ${head.outerHTML}`);
}
for (const picture of all('img')) if (!picture.alt) wrong.push(`no alt: ${picture.src.slice(0, 40)}`);
for (const drawing of all('svg'))
  if (drawing.getAttribute('aria-hidden') !== 'true' && !(drawing.getAttribute('role') === 'img' && drawing.getAttribute('aria-label')))
    wrong.push(`drawing ${drawing.id} without a name`);
const ids = all('[id]').map((e) => e.id);
for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) wrong.push(`id ${id} twice`);

const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
const light = (colour) => {
  const [r, g, b] = parts(colour).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const [r, g, b, a = 1] = parts(getComputedStyle(at).backgroundColor);
    if (a > 0.99) return `rgb(${r}, ${g}, ${b})`;
  }
  return 'rgb(255, 255, 255)';
};
for (const element of all('main *')) {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!own || element.closest('defs, title')) continue;
  const drawn = element.closest('svg') !== null;
  const ink = drawn ? getComputedStyle(element).fill : getComputedStyle(element).color;
  const paper = drawn ? 'rgb(236, 238, 241)' : behind(element);  // the strip's grey, the darkest there
  const [dark, bright] = [light(ink), light(paper)].sort((a, b) => a - b);
  const ratio = (bright + 0.05) / (dark + 0.05);
  if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${element.outerHTML.slice(0, 80)}`);
}
return wrong;
