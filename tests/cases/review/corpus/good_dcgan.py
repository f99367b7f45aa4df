import torch
from torch import nn, optim

criterion = nn.BCELoss()
optimizerD = optim.Adam(netD.parameters(), lr=0.0002, betas=(0.5, 0.999))
optimizerG = optim.Adam(netG.parameters(), lr=0.0002, betas=(0.5, 0.999))
for epoch in range(100):
    for i, data in enumerate(dataloader, 0):
        netD.zero_grad()
        errD_real = criterion(netD(data[0]).view(-1), real)
        errD_real.backward()
        fake = netG(noise)
        errD_fake = criterion(netD(fake.detach()).view(-1), zeros)
        errD_fake.backward()
        optimizerD.step()
        netG.zero_grad()
        errG = criterion(netD(fake).view(-1), real)
        errG.backward()
        optimizerG.step()
