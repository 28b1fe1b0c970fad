// The fields to choose microphone, camera and speaker, for the lobby and the settings dialog.

import { element } from './dom.js';
import { listDevices, support } from './media.js';
import { words } from './words.js';

/** One <select> per kind that has a choice. `choose(source, device id)`. */
export async function deviceFields(preferences, choose) {
  if (!support.capture) return [element('p', { class: 'muted-text' }, words.devices.unseen)];
  const devices = await listDevices();
  const fields = ['microphone', 'camera', 'speaker'].map((source) => {
    const list = devices[source];
    if (list.length === 0) return null;
    const chosen = preferences.get(`device.${source}`, '');
    const select = element('select', { name: `device-${source}` });
    if (!list.some((device) => device.id === 'default')) list.unshift({ id: '', label: words.devices.system });
    for (const { id, label } of list) select.append(element('option', { value: id, selected: id === chosen }, label));
    select.addEventListener('change', () => choose(source, select.value));
    return element('label', { class: 'field' }, element('span', {}, words.devices[source]), select);
  });
  const shown = fields.filter(Boolean);
  return shown.length ? shown : [element('p', { class: 'muted-text' }, words.devices.none)];
}
