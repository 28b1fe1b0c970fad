// The fields to choose microphone, camera and speaker, for the lobby and the settings dialog.

import { element } from './dom.js';
import { listDevices, support } from './media.js';

const titles = { microphone: 'Microphone', camera: 'Camera', speaker: 'Speaker' };

/** One <select> per kind that has a choice. `choose(source, device id)`. */
export async function deviceFields(preferences, choose) {
  if (!support.capture) return [element('p', { class: 'muted-text' }, 'This page may not see the devices.')];
  const devices = await listDevices();
  const fields = Object.entries(titles).map(([source, title]) => {
    const list = devices[source];
    if (list.length === 0) return null;
    const chosen = preferences.get(`device.${source}`, '');
    const select = element('select', { name: `device-${source}` });
    if (!list.some((device) => device.id === 'default')) list.unshift({ id: '', label: 'System default' });
    for (const { id, label } of list) select.append(element('option', { value: id, selected: id === chosen }, label));
    select.addEventListener('change', () => choose(source, select.value));
    return element('label', { class: 'field' }, element('span', {}, title), select);
  });
  const shown = fields.filter(Boolean);
  return shown.length ? shown : [element('p', { class: 'muted-text' }, 'No camera, microphone or speaker was found.')];
}
