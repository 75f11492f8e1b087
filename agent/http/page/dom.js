// What the parts of the page are drawn with. Whatever the agent says becomes text, never markup.

export const byId = (id) => document.getElementById(id);

/**
 * What was drawn last, by element. The page redraws only what changed, so that it keeps the reader's selection and
 * focus.
 */
const drawn = new WeakMap();

export function redraw(target, data, draw) {
  const key = JSON.stringify(data);
  if (drawn.get(target) === key) return;
  drawn.set(target, key);
  target.replaceChildren(...draw());
}

export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function element(tag, { className, text, style = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (className !== undefined) made.className = className;
  if (text !== undefined) made.textContent = text;
  // Styles are set from the script, so that the content security policy can refuse every style attribute.
  for (const [name, value] of Object.entries(style)) made.style.setProperty(name, value);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
